"""Finding the record that ends the workers it is given to, from where the worker was: a few tasks, beside other work.

A worker says which batch it is at, so the search begins there. A probe goes through those records in some 64 pieces and
says at which one it is; where its worker ends, that piece is probed in turn. Of a batch of 4,096 records that is two
probes: 64 pieces of 64 records, then 64 records.
"""

from dataclasses import dataclass, replace
from typing import Any

from dspipe.pipeline.run.executors.interface import Failure
from dspipe.pipeline.tasks.place import Place
from dspipe.pipeline.tasks.spec import TaskSpec

_PIECES = 64


@dataclass(frozen=True)
class Search:
    """The records among which there is one that ends workers: those at `place`, where a worker ended of `failure`."""

    spec: TaskSpec
    place: Place
    failure: Failure
    alone: int = 0
    """how many workers have ended on a single record"""

    def probe(self) -> TaskSpec:
        """The task to run next."""
        first, end = self.place.first, self.place.end
        return replace(self.spec, probe=[first, end, max(1, (end - first) // _PIECES)])

    def narrowed(self, failure: Failure) -> "Search | None":
        """The search after a worker has ended on the probe; None where it has ended on no record."""
        if failure.place is None:
            return None
        alone = failure.place.end - failure.place.first == 1
        return Search(self.spec, failure.place, failure, self.alone + alone)

    def found(self) -> dict[str, Any] | None:
        """The record as `TaskSpec.skip` wants it, once it is certain: a worker that was ended from outside may have
        been at it by chance, so a second one has to end on it."""
        if self.alone < (2 if self.failure.from_outside else 1):
            return None
        place, failure = self.place, self.failure
        error = failure.message.removesuffix(f", {place}")
        return {"record": place.first, "stage": place.stage, "error": error, "peak_bytes": failure.peak_bytes}
