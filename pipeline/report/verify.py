"""`dspipe verify RUN`: every file of a run against its manifest, and what stages have to say of their results."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.run.run_file import configured_stages, published_name, read_run
from dspipe.pipeline.storage.columns import file_checksum
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import PRODUCTS, Manifest


@dataclass
class Verification:
    """What was looked at, and what is wrong."""

    checked: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def verify_run(root: str, import_own: bool = False) -> Verification:
    """Read every file that a manifest of the run names, compare size and sha256, then ask the stages; those of the
    run's own only with `import_own`, which imports the modules that its config names.

    Raises RunNotFoundError, InvalidConfigError.
    """
    result = verify_files(root)
    if not read_run(root)[1].finished:
        result.checked["stages' results: not looked at, since the run isn't finished"] = 0
    elif not result.problems:
        stages = configured_stages(Store(root), import_own)
        result.checked |= {f"{name}: not asked, its module is the run's own": 0 for name in stages.left_out}
        for stage in stages.known:
            problems, checked = stage.verify(root)
            result.problems += [f"{stage.name}: {problem}" for problem in problems]
            result.checked |= {f"{stage.name}: {what}": n for what, n in checked.items()}
    return result


def verify_files(root: str) -> Verification:
    """Read every file that a manifest of the run names; compare size and sha256. Raises RunNotFoundError."""
    store, run = read_run(root)
    result = Verification({"files": 0, "bytes": 0})
    published: dict[str, str] = {}
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
                    found = f"has {size:,} bytes, its manifest says {file['bytes']:,}"
                    result.problems.append(f"{file['file']}: {found}; run again to make it anew")
                elif sha256 != file["sha256"]:
                    found = "its checksum differs from its manifest's"
                    result.problems.append(f"{file['file']}: {found}; remove it and run again to make it anew")
                if phase.over == "once" and file["kind"] == "artifact":
                    published[published_name(file["file"])] = file["sha256"]
    if run.finished:
        _check_published(store, published, result)
    return result


def _check_published(store: Store, published: dict[str, str], result: Verification) -> None:
    """What stands at the top of a finished run under plain names, like index.json, and its config."""
    present = set(store.names(""))
    for name, sha256 in published.items():
        if name not in present:
            result.problems.append(f"{name}: the file is gone; run again to make it anew")
            continue
        size, found = file_checksum(store, name)
        result.checked["files"] += 1
        result.checked["bytes"] += size
        if found != sha256:
            result.problems.append(f"{name}: isn't the file of that name below its phase; run again to make it anew")
    if "config.yaml" not in present:
        result.problems.append("config.yaml: the file is gone; run again to make it anew")


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
                problems.append(f"{name}: {error.what}; remove it and run again to make it anew")
    return found
