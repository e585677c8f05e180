"""`dspipe verify RUN`: every file of a run against its manifest, and what stages have to say of their results."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.run.run_file import configured_stages, read_run
from dspipe.pipeline.storage.columns import file_checksum
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import PRODUCTS, Manifest


@dataclass
class Verification:
    """What was looked at, and what is wrong."""

    checked: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def verify_run(root: str) -> Verification:
    """Read every file that a manifest of the run names, compare size and sha256, then ask the stages.

    Raises RunNotFoundError.
    """
    result = verify_files(root)
    if not read_run(root)[1].finished:
        result.checked["stages' results: not looked at, since the run isn't finished"] = 0
    elif not result.problems:
        for stage in configured_stages(Store(root)):
            problems, checked = stage.verify(root)
            result.problems += [f"{stage.name}: {problem}" for problem in problems]
            result.checked |= {f"{stage.name}: {what}": n for what, n in checked.items()}
    return result


def verify_files(root: str) -> Verification:
    """Read every file that a manifest of the run names; compare size and sha256. Raises RunNotFoundError."""
    store, run = read_run(root)
    result = Verification({"files": 0, "bytes": 0})
    products = set(store.names(PRODUCTS))
    for phase in run.phases:
        present = set(store.names(phase.name)) | products
        names = list(dict.fromkeys(phase.manifests))
        missing = [name for name in names if name.rpartition("/")[2] not in present]
        result.problems += [f"{name}: the manifest is gone; run again to make it anew" for name in missing]
        for manifest in _read_manifests(store, [name for name in names if name not in missing], result.problems):
            for file in manifest["files"]:
                result.checked["files"] += 1
                if file["file"].rpartition("/")[2] not in present:
                    result.problems.append(f"{file['file']}: the file is gone; run again to make it anew")
                    continue
                size, sha256 = file_checksum(store, file["file"])
                result.checked["bytes"] += size
                if size != file["bytes"]:
                    result.problems.append(f"{file['file']}: has {size:,} bytes, its manifest says {file['bytes']:,}")
                elif sha256 != file["sha256"]:
                    result.problems.append(f"{file['file']}: its checksum differs from its manifest's")
    return result


def _read_manifests(store: Store, names: Sequence[str], problems: list[str]) -> list[Manifest]:
    """The manifests that can be read; the others are problems."""
    try:
        found = store.read_json_many(names)
    except DamagedFileError:
        found = []
        for name in names:
            try:
                found.append(store.read_json(name))
            except DamagedFileError as error:
                problems.append(f"{name}: {error.what}; run again to make it anew")
    return found
