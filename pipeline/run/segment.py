"""Phases that run side by side: a task that needs its own shard only runs as soon as that shard is ready, and one that
merges what a group of senders sent as soon as those have ended.

So a slow shard keeps nobody waiting until an exchange comes, whose receivers need what every shard has sent: `segments`
cuts a plan there. `pipeline.run.flow` says which segments can run at the same time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.plan.tasks import Committed, PhaseTasks, State, absorb_task
from dspipe.pipeline.run.retry_quarantine import QuarantineRetry
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec

_AT_A_TIME = 1000
"""tasks that are looked at together: those of 90,000 shards take seconds in which no worker would have work"""


def segments(phases: Sequence[PlannedPhase]) -> list[list[PlannedPhase]]:
    """The phases in order, cut where one needs more than each shard, or each group of senders, by itself.

    A phase over shards also joins the segment before a phase of one task that it doesn't wait for (a report)."""
    cut: list[list[PlannedPhase]] = []
    for phase in phases:
        joined = _joined(cut, phase)
        if joined is None:
            cut.append([phase])
        else:
            joined.append(phase)
    return cut


def _joined(cut: list[list[PlannedPhase]], phase: PlannedPhase) -> list[PlannedPhase] | None:
    """The segment that a phase belongs to; None: it begins one."""
    for segment in reversed(cut):
        last = segment[-1]
        if phase.over == "sender_groups" and last.emits == phase.exchange and last.over != "sender_groups":
            return segment
        if phase.by_shard_alone and last.over in ("inputs", "shards"):
            return segment
        if last.over != "once" or conflicting(last, phase):
            return None
    return None


def conflicting(first: PlannedPhase, second: PlannedPhase) -> bool:
    """Whether one of two phases reads or writes what the other one writes, so that they run in their order."""
    return bool(first.gives() & (second.reads() | second.gives()) or first.reads() & second.gives())


class Counts(Protocol):
    """Hears which tasks there are."""

    def phase(self, name: str, tasks: int) -> None:
        """A phase begins: its tasks."""

    def tasks(self, phase: str, done: int, bytes: int) -> None:
        """So many tasks of a phase were done before; the input bytes of others that are to be done."""


class Part:
    """One phase of a segment, as far as it is."""

    def __init__(self, phase: PlannedPhase, tasks: int) -> None:
        self.phase, self.tasks = phase, tasks
        self.manifests: dict[int, Manifest] = {}
        """of the tasks that are done, by number"""
        self.waiting: dict[str, list[int]] = {}
        """the numbers of the tasks that aren't, by key; shards that are the same have one"""
        self.by_key: dict[str, Manifest] = {}
        """of those that this run has done"""
        self.reused = 0
        self.record_removed = False
        """the phase's record is of a phase that is done as a whole"""
        self.made: PhaseTasks | None = None
        self.committed: Committed | None = None
        self._ended_of_group: Counter[int] = Counter()

    @property
    def inputs(self) -> str | None:
        """The file that lists what the tasks share."""
        return self.made.inputs if self.made is not None else None

    def in_order(self) -> list[Manifest]:
        """The manifests of all tasks."""
        return [self.manifests[number] for number in range(self.tasks)]

    def ready_behind(self, ended: Iterable[int], senders: int) -> list[int]:
        """The tasks of this phase that can run once these of the phase before it, which has `senders` in all, have
        ended, too."""
        if self.phase.over != "sender_groups":
            return list(ended)
        size, ranges = self.phase.group, self.phase.ranges
        ready: list[int] = []
        for number in ended:
            group = number // size
            self._ended_of_group[group] += 1
            if self._ended_of_group[group] == min(size, senders - group * size):
                ready += range(group * ranges, (group + 1) * ranges)
        return ready


class Segment:
    """Some phases, of which each but the first goes from shard to shard, or group to group, behind the one before it.

    `on_end` is called when a phase has ended, in the order of the phases.
    """

    def __init__(
        self,
        plan: Plan,
        phases: Sequence[PlannedPhase],
        state: State,
        store: Store,
        counts: Counts,
        on_end: Callable[[Part], None],
        retry: QuarantineRetry | None = None,
    ) -> None:
        """retry: tasks that are done, but are to be done again."""
        self._plan, self._state, self._store, self._counts, self._on_end = plan, state, store, counts, on_end
        self._retry = retry
        self._parts = [Part(phase, plan.tasks(phase)) for phase in phases]
        self._places = {phase.name: place for place, phase in enumerate(phases)}
        self._left = self._numbers()
        self._open = len(phases)

    @property
    def ended(self) -> bool:
        """Whether all its phases have."""
        return not self._open

    def more(self) -> list[TaskSpec]:
        """Tasks that can run now and weren't given yet: some of those that the first phase begins with, the large ones
        first, and what can run behind those of them that were done before. Empty: none until a task ends."""
        while numbers := list(islice(self._left, _AT_A_TIME)):
            if specs := self._ready(0, numbers):
                return specs
        return []

    def then(self, spec: TaskSpec, manifest: Manifest) -> list[TaskSpec]:
        """The tasks that can run once this one is done."""
        place = self._places[spec.phase]
        part = self._parts[place]
        numbers = part.waiting.pop(spec.key)
        part.by_key[spec.key] = manifest
        return self._done(place, dict.fromkeys(numbers, manifest))

    def _numbers(self) -> Iterator[int]:
        """The tasks of the first phase, once they are asked for: the large ones first; but where only columns are read,
        one group of senders after the other, so that what a group sent is merged beside the work of the next."""
        phase, tasks, last = self._parts[0].phase, self._parts[0].tasks, self._parts[-1].phase
        group = last.group if last.over == "sender_groups" else tasks
        if phase.over == "inputs":
            yield from sorted(range(tasks), key=lambda number: -self._plan.shards[number].bytes)
        elif phase.over == "shards":
            yield from sorted(range(tasks), key=lambda number: (number // group, -sum(self._state.groups[number])))
        else:
            yield from range(tasks)

    def _ready(self, place: int, numbers: list[int]) -> list[TaskSpec]:
        """The tasks to run of the phase at `place` with these numbers, and of those behind it where they were done
        before."""
        part = self._parts[place]
        if part.made is None:
            part.made = PhaseTasks(self._plan, part.phase, self._state, self._store, write_inputs=True)
            part.committed = Committed(self._store, part.phase)
            self._counts.phase(part.phase.name, part.tasks)
        assert part.committed is not None
        specs = part.made.specs(numbers)
        found = part.committed.manifests(specs)
        if self._retry is not None:
            found = self._retry.set_aside(self._store, found)
        reused = sum(spec.key in found for spec in specs)
        part.reused += reused
        found |= {spec.key: part.by_key[spec.key] for spec in specs if spec.key in part.by_key}
        done: dict[int, Manifest] = {}
        todo: list[TaskSpec] = []
        for number, spec in zip(numbers, specs, strict=True):
            if spec.key in found:
                done[number] = found[spec.key]
            else:
                same = part.waiting.setdefault(spec.key, [])
                same.append(number)
                todo += [spec] if len(same) == 1 else []
        if self._retry is not None:
            todo = [self._retry.with_rows_made_before(spec) for spec in todo]
        if todo and not part.record_removed:
            part.committed.record.remove()
            part.record_removed = True
        bytes = sum(self._plan.shards[spec.number].bytes for spec in todo) if part.phase.over == "inputs" else 0
        self._counts.tasks(part.phase.name, reused, bytes)
        return todo + self._done(place, done)

    def _done(self, place: int, manifests: dict[int, Manifest]) -> list[TaskSpec]:
        """Tasks of the phase at `place` are done: the tasks that can run behind them."""
        part = self._parts[place]
        part.manifests |= manifests
        for number, manifest in manifests.items():
            absorb_task(part.phase, number, manifest, self._state)
        if len(part.manifests) == part.tasks:
            self._on_end(part)
            self._open -= 1
            part.manifests, part.by_key, part.made, part.committed = {}, {}, None, None  # they take much memory
        if place + 1 == len(self._parts):
            return []
        ready = self._parts[place + 1].ready_behind(manifests, part.tasks)
        return self._ready(place + 1, ready) if ready else []
