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
        there = set(store.names(phase["name"]))
        names = list(dict.fromkeys(phase["manifests"]))
        gone = [name for name in names if name.rpartition("/")[2] not in there]
        result.problems += [f"{name}: the manifest is gone; run again to make it anew" for name in gone]
        for manifest in store.read_json_many([name for name in names if name not in gone]):
            for file in manifest["files"]:
                result.files += 1
                if file["file"].rpartition("/")[2] not in there:
                    result.problems.append(f"{file['file']}: the file is gone")
                    continue
                size, sha256 = file_checksum(store, file["file"])
                result.bytes += size
                if size != file["bytes"]:
                    result.problems.append(f"{file['file']}: has {size:,} bytes, its manifest says {file['bytes']:,}")
                elif sha256 != file["sha256"]:
                    result.problems.append(f"{file['file']}: its checksum differs from its manifest's")
    return result
