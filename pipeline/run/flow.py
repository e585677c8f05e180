"""Which phases can run at a time: a segment begins when those that it waits for have ended, and not when all before it
in the plan have. A report or an index, which nothing waits for, fills the cores that the last tasks of others leave.

What is made doesn't depend on it: of two segments of which one writes what the other one reads or writes the earlier
one has ended when the later one begins.
"""

from collections.abc import Callable, Sequence

from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.run.segment import Segment, conflicting, segments
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec


class Flow:
    """The tasks of a plan, as they can run."""

    def __init__(self, phases: Sequence[PlannedPhase], begin: Callable[[Sequence[PlannedPhase]], Segment]) -> None:
        self._cut = segments(phases)
        self._begin = begin
        self._waits_for = waits_for(self._cut)
        self._active: dict[int, Segment] = {}
        self._to_come = list(range(len(self._cut)))
        self._segment_of = {phase.name: number for number, part in enumerate(self._cut) for phase in part}
        self._rank = {
            phase.name: (number, -place) for number, part in enumerate(self._cut) for place, phase in enumerate(part)
        }

    def rank(self, phase: str) -> tuple[int, int]:
        """Tasks of a lesser rank go first: the segments in their order, so that what nothing waits for is done beside
        the others; in a segment the phases that come up later, so that a mistake in them is seen early."""
        return self._rank[phase]

    def more(self) -> list[TaskSpec]:
        """Tasks that can run now and weren't given yet; empty: none until a task ends."""
        while True:
            begun = self._begin_segments()
            for number, segment in sorted(self._active.items()):
                if specs := segment.more():
                    return specs
                if segment.ended:  # all was done before
                    del self._active[number]
                    begun = True
            if not begun:
                return []

    def then(self, spec: TaskSpec, manifest: Manifest) -> list[TaskSpec]:
        """The tasks that can run once this one is done."""
        number = self._segment_of[spec.phase]
        segment = self._active[number]
        specs = segment.then(spec, manifest)
        if segment.ended:
            del self._active[number]
            specs += self.more()  # of less urgent work there may be enough, so that nobody asks
        return specs

    def _begin_segments(self) -> bool:
        """Begin what waits for nothing any more."""
        unended = {*self._active, *self._to_come}
        ready = [number for number in self._to_come if not self._waits_for[number] & unended]
        for number in ready:
            self._to_come.remove(number)
            self._active[number] = self._begin(self._cut[number])
        return bool(ready)


def waits_for(cut: Sequence[Sequence[PlannedPhase]]) -> list[set[int]]:
    """For each segment the earlier ones that have to end before it begins."""
    return [
        {
            earlier
            for earlier in range(number)
            if any(conflicting(first, second) for first in cut[earlier] for second in part)
        }
        for number, part in enumerate(cut)
    ]
