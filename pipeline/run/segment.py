"""Phases that run side by side: a task that needs its own shard only runs as soon as that shard is ready.

So a slow shard keeps nobody waiting until an exchange comes, whose receivers need what every shard has sent: `segments`
cuts a plan there.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.plan.tasks import Committed, State, absorb_task, task_specs
from dspipe.pipeline.run.retry_quarantine import QuarantineRetry
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec


def segments(phases: Sequence[PlannedPhase]) -> list[list[PlannedPhase]]:
    """The phases in order, cut where one needs more than each shard by itself."""
    cut: list[list[PlannedPhase]] = []
    for phase in phases:
        if cut and phase.by_shard_alone and cut[-1][-1].over in ("inputs", "shards"):
            cut[-1].append(phase)
        else:
            cut.append([phase])
    return cut


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
        self.inputs: str | None = None
        self.record_removed = False
        """the phase's record is of a phase that is done as a whole"""
        self.committed: Committed | None = None

    def in_order(self) -> list[Manifest]:
        """The manifests of all tasks."""
        return [self.manifests[number] for number in range(self.tasks)]


class Segment:
    """Some phases, of which each but the first goes from shard to shard behind the one before it.

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

    def begin(self) -> list[TaskSpec]:
        """The tasks that can run now. What was done before is taken for done, however far it goes."""
        return self._ready(0, None)

    def then(self, spec: TaskSpec, manifest: Manifest) -> list[TaskSpec]:
        """The tasks that can run once this one is done."""
        place = self._places[spec.phase]
        part = self._parts[place]
        numbers = part.waiting.pop(spec.key)
        part.by_key[spec.key] = manifest
        self._done(part, dict.fromkeys(numbers, manifest))
        return self._ready(place + 1, numbers)

    def _ready(self, place: int, numbers: list[int] | None) -> list[TaskSpec]:
        """The tasks to run of the phase at `place` for the shards with these numbers (None: all tasks), and of those
        behind it where they were done before."""
        if place == len(self._parts) or numbers == []:
            return []
        part = self._parts[place]
        specs = task_specs(self._plan, part.phase, self._state, self._store, write_inputs=True, numbers=numbers)
        if part.committed is None:
            part.committed = Committed(self._store, part.phase)
            self._counts.phase(part.phase.name, part.tasks)
        part.inputs = specs[0].inputs if specs else None
        found = part.committed.manifests(specs)
        if self._retry is not None:
            found = self._retry.set_aside(self._store, found)
        reused = sum(spec.key in found for spec in specs)
        part.reused += reused
        found |= {spec.key: part.by_key[spec.key] for spec in specs if spec.key in part.by_key}
        by_number = dict(zip(range(part.tasks) if numbers is None else numbers, specs, strict=True))
        done = {number: found[spec.key] for number, spec in by_number.items() if spec.key in found}
        todo: list[TaskSpec] = []
        for number, spec in by_number.items():
            if number not in done:
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
        self._done(part, done)
        return todo + self._ready(place + 1, list(done))

    def _done(self, part: Part, manifests: dict[int, Manifest]) -> None:
        for number, manifest in manifests.items():
            part.manifests[number] = manifest
            absorb_task(part.phase, number, manifest, self._state)
        if len(part.manifests) == part.tasks:
            self._on_end(part)
            part.manifests, part.by_key, part.committed = {}, {}, None  # of a large run they take much memory
