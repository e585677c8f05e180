"""That nothing is left to do is known from one file, `.whole.json`, without a look at each task.

A run that has ended well leaves there the key of its plan, which covers all that the keys of its tasks cover but what
earlier tasks have made, and a digest of each folder: names, sizes and times of all files in it. A task's result follows
from its key, so where the plan is the same and every file is as it was nothing can have changed. Where anything differs
the run looks at its tasks one by one. At 90,000 shards those are 1.4 million keys and manifests.
"""

from collections.abc import Mapping
from typing import Any

import xxhash

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.keys import key_of
from dspipe.pipeline.plan.fingerprint import code_fingerprint
from dspipe.pipeline.plan.inputs import common_folder
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.plan.tasks import FORMATS
from dspipe.pipeline.run.run_file import PAGE_FILE, RunFile
from dspipe.pipeline.storage.store import FileState, Store

WHOLE_FILE = ".whole.json"
_UNKEYED = ("payload", "title", "notes", "runner", "stages", "on_demand", "gpus")
"""what of a phase its tasks' results don't depend on, or depend on as `depends` says"""


class Digests:
    """Digests of folders, by their names; of those that hold files."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def add(self, folder: str, files: Mapping[str, FileState]) -> None:
        """Add a folder by what a listing says of its files, in whatever order."""
        total = 0
        for name, state in files.items():
            described = f"{name} {state.size} {state.modified}"
            total += xxhash.xxh3_128_intdigest(described.encode("utf-8", "surrogateescape"))
        if files:
            self.of[folder] = f"{len(files)} {total % (1 << 128):032x}"


def remember_whole(store: Store, plan: Plan, digests: Digests, published: Mapping[str, str]) -> None:
    """Leave word that a run of the plan has ended, with these folders. `published`: the files that also stand at the
    top, with their sha256."""
    said = {"plan": _plan_key(plan), "folders": digests.of, "published": dict(published)}
    store.write_json(WHOLE_FILE, said)


def find_whole(store: Store, plan: Plan) -> tuple[RunFile, dict[str, str]] | None:
    """What `run.json` says of a run of this plan that has nothing left to do, and the files that also stand at the top;
    None: each task has to be looked at."""
    try:
        said = store.read_json(WHOLE_FILE)
        if said["plan"] != _plan_key(plan):
            return None
        found = Digests()
        for folder in store.folders():
            found.add(folder, store.states(folder))
            if found.of.get(folder) != said["folders"].get(folder):
                return None
        run = RunFile.read(store)
        return (run, said["published"]) if run.finished and found.of == said["folders"] else None
    except (DamagedFileError, FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def page_is_newest(store: Store, unsure: bool) -> bool:
    """Whether the run's page was written after the run had ended that `.whole.json` tells of; `unsure` is the answer
    for a page where nothing tells."""
    files = store.states("")
    page, whole = files.get(PAGE_FILE), files.get(WHOLE_FILE)
    if page is None:
        return False
    if whole is None or page.modified is None or whole.modified is None:
        return unsure
    return page.modified >= whole.modified


def _plan_key(plan: Plan) -> str:
    config = plan.config
    return key_of(
        {
            "name": config.name,
            "phases": [_keyed(phase) for phase in plan.phases],
            "formats": [code_fingerprint(module) for module in FORMATS],
            "readers": list(plan.readers.items()),
            "folders": [common_folder(source) for source in config.sources],
            "sources": [source.config.name for source in config.sources],
            "shards": [
                [shard.source, [[file.name, file.fingerprint, file.size] for file in shard.files]]
                for shard in plan.shards
            ],
            "left out": {name: left_out.counts for name, left_out in plan.left_out.items()},
            "max_quarantined": config.engine.max_quarantined,
        }
    )


def _keyed(phase: PlannedPhase) -> dict[str, Any]:
    return {name: value for name, value in vars(phase).items() if name not in _UNKEYED}
