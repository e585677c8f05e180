"""`dspipe verify RUN`: every file of a run against its manifest."""

from dataclasses import dataclass, field

from pipeline.rows import file_checksum
from pipeline.stats import read_run


@dataclass
class Verification:
    """What was looked at, and what is wrong."""

    files: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)


def verify_files(root: str) -> Verification:
    """Read every file that a manifest of the run names; compare size and sha256. Raises NoRun."""
    store, run = read_run(root)
    result = Verification()
    for phase in run["phases"]:
        for name in dict.fromkeys(phase["manifests"]):
            if not store.exists(name):
                result.problems.append(f"{name}: the manifest is gone; run again to make it anew")
                continue
            for file in store.read_json(name)["files"]:
                result.files += 1
                if not store.exists(file["file"]):
                    result.problems.append(f"{file['file']}: the file is gone")
                    continue
                size, sha256 = file_checksum(store, file["file"])
                result.bytes += size
                if size != file["bytes"]:
                    result.problems.append(f"{file['file']}: has {size:,} bytes, its manifest says {file['bytes']:,}")
                elif sha256 != file["sha256"]:
                    result.problems.append(f"{file['file']}: its checksum differs from its manifest's")
    return result
