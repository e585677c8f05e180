"""The driver's loop: bounded work in flight, finite retries, the search for deadly records, second starts of tasks that
lag, and the end of those that hang."""

import heapq
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from dspipe.pipeline.errors import DamagedFileError, RunFailedError
from dspipe.pipeline.run.clock import Clock, MachineClock
from dspipe.pipeline.run.executors.interface import Event, Executor, Failure, Finished, Started
from dspipe.pipeline.run.pace import Pace, size_of
from dspipe.pipeline.run.search import Search
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec

Rank = tuple[int, ...]
"""how urgent a phase's tasks are: the lesser the sooner"""
LAST_SHARE = 0.01
"""the share of a phase's tasks, the last that run, of which each is started a second time where it lags"""
_LOOKS_PER_S = 4000
"""running tasks that are looked at in a second, at most: on 10,000 cores there are 20,000 in flight"""
_MAY_PASS = ("machine", "lost", "storage", "crash")
_LOST_RETRIES = 10
"""how often a task is tried again that a machine or a cluster has lost"""


@dataclass(frozen=True)
class Silent:
    """A running task of which nothing was heard for a while."""

    spec: TaskSpec
    where: str
    condition: str
    seconds: float

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.where, self.condition) if part)
        return f"{self.spec.phase}, task {self.spec.label}: nothing heard for {self.seconds:,.0f} s ({where})"


@dataclass
class _Attempt:
    """A task in flight."""

    spec: TaskSpec
    began: float | None = None
    """when a worker began with it; None: it waits for one"""
    where: str = ""
    heard: float = 0.0
    told: float = 0.0
    """the silence that was told of last"""


class Scheduler:
    """Runs tasks on an executor. `on_event` hears of every event; a task's first permanent failure ends the run."""

    def __init__(
        self,
        executor: Executor,
        retries: int,
        on_event: Callable[[Event | Silent], None],
        on_look: Callable[[], None] = lambda: None,
        patience_s: float = 1800,
        clock: Clock | None = None,
    ) -> None:
        """on_look: called once a second or so; patience_s: how long a task may wait for storage; clock: what seconds
        are counted by, the machine's where none is given."""
        self._clock = clock or MachineClock()
        self._executor, self._retries, self._on_event, self._on_look = executor, retries, on_event, on_look
        self._pace = Pace(patience_s)
        self._waiting: list[tuple[bool, Rank, int, int, TaskSpec]] = []
        self._later: list[tuple[float, int, TaskSpec]] = []
        self._running: dict[tuple[str, int], _Attempt] = {}
        self._starts: dict[str, list[_Attempt]] = {}
        self._searches: dict[str, Search] = {}
        self._tries: Counter[tuple[str, str]] = Counter()
        self._phases: dict[str, int] = {}
        self._rank: Callable[[str], Rank] = self._later_first
        self._more: Callable[[], Sequence[TaskSpec]] = tuple
        self._tasks: Counter[str] = Counter()
        self._damage: DamagedFileError | None = None
        """a file that has to be made again, which ends all once no task runs"""
        self._number = 0
        self._looked = self._looked_at_all = 0.0

    def run(
        self,
        specs: Sequence[TaskSpec],
        then: Callable[[TaskSpec, Manifest], Sequence[TaskSpec]] | None = None,
        more: Callable[[], Sequence[TaskSpec]] | None = None,
        rank: Callable[[str], Rank] | None = None,
    ) -> dict[str, Manifest]:
        """Run the tasks, those that `then` gives for a task that has ended well, and those that `more` gives whenever
        there is room for a task and none waits (none: until a task has ended). Their manifests by key, unless they were
        given to `then`: of a large run they take much memory.

        Tasks of phases of a lesser `rank` go first (default: those of phases that come up later); within a phase the
        large ones. Raises RunFailedError, and DamagedFileError once no task runs.
        """
        manifests: dict[str, Manifest] = {}
        self._rank, self._more = rank or self._rank, more or self._more
        self._add(specs)
        while True:
            self._submit()
            if not self._running and not self._waiting and not self._later:
                break
            if not self._running:
                self._clock.sleep(0.05)
                continue
            for event in self._executor.wait():
                attempt = self._running.get(_id(event.spec))
                if attempt is None:
                    continue  # it was given up
                self._on_event(event)
                attempt.heard, attempt.told = self._clock.now(), 0.0
                if isinstance(event, Started):
                    attempt.began, attempt.where = attempt.heard, event.where
                if not isinstance(event, Finished):
                    continue
                self._forget(attempt)
                outcome = event.outcome
                if isinstance(outcome, Failure) and outcome.kind == "damaged":
                    self._stop(DamagedFileError(outcome.file, outcome.message.removeprefix(f"{outcome.file} ")))
                elif self._damage is not None:
                    continue
                elif isinstance(outcome, Failure):
                    self._failed(event.spec, outcome)
                elif event.spec.probe is not None and event.spec.key in self._searches:
                    self._not_by_itself(event.spec.key)
                else:
                    self._ended(attempt)
                    if then is None:
                        manifests[event.spec.key] = outcome
                    else:
                        self._add(self._asked(partial(then, event.spec, outcome)))
            if self._damage is None:
                self._look()
        if self._damage is not None:
            raise self._damage
        return manifests

    # what is to be done

    def _add(self, specs: Sequence[TaskSpec]) -> None:
        for spec in specs:
            self._tasks[spec.phase] += 1
            self._put(spec)

    def _put(self, spec: TaskSpec) -> None:
        self._phases.setdefault(spec.phase, len(self._phases))
        self._number += 1
        first = spec.probe is None or spec.key not in self._searches
        heapq.heappush(self._waiting, (first, self._rank(spec.phase), -size_of(spec), self._number, spec))

    def _later_first(self, phase: str) -> Rank:
        return (-self._phases[phase],)

    def _submit(self) -> None:
        now = self._clock.now()
        while self._later and self._later[0][0] <= now:
            self._put(heapq.heappop(self._later)[2])
        room = max(0, self._executor.capacity - len(self._running))
        if not self._waiting and (room or not self._running):
            self._add(self._asked(self._more))
        while room and self._waiting:
            self._start(heapq.heappop(self._waiting)[-1])
            room -= 1
            if room and not self._waiting:
                self._add(self._asked(self._more))

    def _asked(self, give: Callable[[], Sequence[TaskSpec]]) -> Sequence[TaskSpec]:
        """More tasks; none where a file turns out to be damaged that they depend on: then no other begins either."""
        try:
            return give()
        except DamagedFileError as error:
            self._stop(error)
            return ()

    def _stop(self, damage: DamagedFileError) -> None:
        self._damage = self._damage or damage
        self._waiting, self._later, self._more = [], [], tuple

    def _start(self, spec: TaskSpec) -> None:
        self._number += 1
        spec = replace(spec, attempt=self._number)
        attempt = self._running[_id(spec)] = _Attempt(spec, heard=self._clock.now())
        self._starts.setdefault(spec.key, []).append(attempt)
        self._executor.submit(spec)

    def _forget(self, attempt: _Attempt) -> None:
        key = attempt.spec.key
        del self._running[_id(attempt.spec)]
        self._starts[key].remove(attempt)
        if not self._starts[key]:
            del self._starts[key]

    def _try_again(self, spec: TaskSpec, failure: Failure, retries: int) -> bool:
        """Put the task off for a while; False where it was tried often enough."""
        self._tries[_counted_as(spec, failure)] += 1
        tried = self._tries[_counted_as(spec, failure)]
        if tried > retries:
            return False
        self._number += 1
        heapq.heappush(self._later, (self._clock.now() + min(30, 2 ** (tried - 1)), self._number, spec))
        return True

    # what has happened

    def _ended(self, attempt: _Attempt) -> None:
        spec = attempt.spec
        if attempt.began is not None:
            self._pace.ended(spec, attempt.heard - attempt.began)
        for other in list(self._starts.get(spec.key, ())):
            self._forget(other)
            self._executor.cancel(other.spec)

    def _failed(self, spec: TaskSpec, failure: Failure) -> None:
        """Go on after a task that gave no manifest. Raises RunFailedError where that can't be."""
        if failure.kind in _MAY_PASS and spec.key in self._starts:
            return  # its other start may do better
        if failure.kind == "crash" and spec.by_record:
            search = self._searches.get(spec.key)
            if spec.probe is None and failure.place is not None:
                self._search(Search(spec, failure.place, failure))
                return
            if search is not None:
                narrowed = search.narrowed(failure)
                self._search(narrowed) if narrowed is not None else self._not_by_itself(spec.key)
                return
        retries = _LOST_RETRIES if failure.kind == "lost" else self._retries
        if failure.kind not in _MAY_PASS or not self._try_again(spec, failure, retries):
            raise _run_failed(spec, failure, self._tries[_counted_as(spec, failure)])

    def _search(self, search: Search) -> None:
        """Go on with a search, or with the task without the record that was found."""
        key, found = search.spec.key, search.found()
        if found is None:
            self._searches[key] = search
            self._put(search.probe())
        else:
            self._searches.pop(key, None)
            self._put(replace(search.spec, skip=[*search.spec.skip, found]))

    def _not_by_itself(self, key: str) -> None:
        """A worker has ended where no record does so to another worker: the task is tried again as it is."""
        search = self._searches.pop(key)
        if not self._try_again(search.spec, search.failure, self._retries):
            message = f"{search.failure.message}, but on no document of the shard by itself"
            raise _run_failed(
                search.spec, Failure("crash", message), self._tries[_counted_as(search.spec, search.failure)]
            )

    # what goes on for long

    def _look(self) -> None:
        """Once a second: tell of tasks that say nothing, end those that hang, start those a second time that lag."""
        now = self._clock.now()
        if now - self._looked < 1:
            return
        self._looked = now
        self._on_look()
        if now - self._looked_at_all < len(self._running) / _LOOKS_PER_S:
            return
        self._looked_at_all = now
        running = list(self._running.values())
        left = Counter(attempt.spec.phase for attempt in running)
        for attempt in running:
            spec, began = attempt.spec, attempt.began
            if _id(spec) not in self._running:
                continue
            if began is None:
                self._tell_of_waiting(attempt, running, now)
                continue
            self._tell_of_silence(attempt, now)
            limit = self._pace.limit_s(spec)
            if limit is not None and spec.probe is None and now - began > limit:
                self._give_up(attempt, now - began)
            elif (
                not self._waits_before(spec)
                and len(self._running) < self._executor.capacity
                and left[spec.phase] <= math.ceil(LAST_SHARE * self._tasks[spec.phase])
                and spec.probe is None
                and len(self._starts[spec.key]) == 1
                and self._pace.lags(spec, now - began)
            ):
                self._start(spec)

    def _waits_before(self, spec: TaskSpec) -> bool:
        """Whether something waits that is as urgent: less urgent work is no reason to let a phase wait for its last."""
        return bool(self._waiting) and self._waiting[0][1] <= self._rank(spec.phase)

    def _tell_of_silence(self, attempt: _Attempt, now: float) -> None:
        silent = now - attempt.heard
        if silent < max(10, 2 * attempt.told):
            return
        condition = self._executor.condition(attempt.spec)
        if silent >= self._pace.silence_s(attempt.spec) or condition.startswith("stopped"):
            attempt.told = silent
            self._on_event(Silent(attempt.spec, attempt.where, condition, silent))

    def _tell_of_waiting(self, attempt: _Attempt, running: list[_Attempt], now: float) -> None:
        """Of the first task, where no worker has begun with any: a cluster that has no room, or none yet."""
        silent = now - attempt.heard
        if attempt is running[0] and silent >= max(60, 2 * attempt.told) and not any(one.began for one in running):
            attempt.told = silent
            self._on_event(Silent(attempt.spec, "", "it waits for a worker, and none is at work", silent))

    def _give_up(self, attempt: _Attempt, elapsed: float) -> None:
        spec, expected = attempt.spec, self._pace.expected_s(attempt.spec) or 0
        where, condition = attempt.where, self._executor.condition(spec)
        self._forget(attempt)
        self._executor.cancel(spec)
        message = f"not done after {elapsed:,.0f} s, where the others of the phase would take {expected:,.1f} s"
        message += f" ({', '.join(part for part in (where, condition) if part)})"
        outcome = Failure("crash", message)
        self._on_event(Finished(spec, outcome))
        self._failed(spec, outcome)


def _id(spec: TaskSpec) -> tuple[str, int]:
    return spec.key, spec.attempt


def _counted_as(spec: TaskSpec, failure: Failure) -> tuple[str, str]:
    """Where tries are counted: those that a machine or a cluster has lost by themselves."""
    return spec.key, "lost" if failure.kind == "lost" else ""


def _run_failed(spec: TaskSpec, failure: Failure, tried: int) -> RunFailedError:
    times = f" (tried {tried} times)" if tried > 1 else ""
    if failure.kind in ("machine", "setting"):
        return RunFailedError(f"{failure.message}{times}", user=not failure.traceback, traceback=failure.traceback)
    return RunFailedError(f"{spec.phase}, task {spec.label}: {failure.message}{times}", traceback=failure.traceback)
