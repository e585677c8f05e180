"""`dspipe retry-quarantine RUN`: tasks that left records out as bad are done again, and what depends on them.

A task's key says nothing of what a machine did, so the same run would take such a task for done. Here its manifest is
removed, and the same run does it anew. Its shard's files are read again, but only what failed is measured (all of a
shard, where a later text pass failed on a rewritten text, where `--all` tries what couldn't be read, and where a retry
was interrupted); records that are good now stand where they would have stood. What comes behind depends on contents by
their hashes, so only what changes is done again, and the result is the one of a run in which they had never failed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.quarantine import QuarantineFile
from dspipe.pipeline.tasks.spec import MadeBefore, Manifest, TaskSpec


@dataclass
class QuarantineRetry:
    """Which tasks are done again, each once, and what came of it."""

    everything: bool = False
    """Also those with records that couldn't be read; by default those whose documents a stage failed on."""
    before: int = 0
    """bad records of the tasks that are done again"""
    after: int = 0
    """bad records of these tasks now"""
    _tried: set[str] = field(default_factory=set)
    _before: dict[str, MadeBefore] = field(default_factory=dict)

    @property
    def tasks(self) -> int:
        """How many tasks are done again for their bad records."""
        return len(self._tried)

    def set_aside(self, store: Store, done: Mapping[str, Manifest]) -> dict[str, Manifest]:
        """The manifests (by key) of tasks that stay done. Those of the others are removed first, so that a retry that
        is interrupted leaves work to do and no half of it."""
        again = {key: manifest for key, manifest in done.items() if key not in self._tried and self._is_bad(manifest)}
        for key, manifest in again.items():
            store.remove(manifest["file"])
            self._tried.add(key)
            if not self.everything:  # else other records are read, and batches are others
                columns, groups, files = (manifest[name] for name in ("columns", "groups", "files"))
                self._before[key] = {"columns": columns, "groups": groups, "files": files}
            self.before += manifest["counters"]["quarantined"]
        return {key: manifest for key, manifest in done.items() if key not in again}

    def with_rows_made_before(self, spec: TaskSpec) -> TaskSpec:
        """A task of the text pass that is done again, so that it measures only what failed: once, for where that is
        interrupted or meets a damaged file all is done again."""
        before = self._before.pop(spec.key, None)
        return replace(spec, before=before) if before is not None and spec.over == "inputs" else spec

    def see(self, manifests: list[Manifest]) -> None:
        """Look at the manifests of a phase that has ended."""
        for manifest in manifests:
            if manifest["key"] in self._tried:
                self.after += manifest["counters"]["quarantined"]

    def said(self) -> str:
        """What came of it, in words."""
        if not self.tasks:
            return "no bad records to try again" + ("" if self.everything else " but such that couldn't be read")
        return f"{self.tasks:,} tasks with {self.before:,} bad records were done again; {self.after:,} are still bad"

    def _is_bad(self, manifest: Manifest) -> bool:
        bad = manifest["counters"].get("quarantined", 0) if self.everything else QuarantineFile.of(manifest).failed
        return bool(bad)
