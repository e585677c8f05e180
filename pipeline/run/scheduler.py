"""The driver's loop over a phase's tasks: bounded work in flight, finite retries, the search for crashing records."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from dspipe.pipeline.errors import DamagedFileError, RunFailedError
from dspipe.pipeline.run.executors.interface import Event, Executor, Failure, Finished, Progressed
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec


class Scheduler:
    """Runs tasks on an executor. `on_event` hears of every event; a task's first permanent failure ends the run."""

    def __init__(self, executor: Executor, retries: int, on_event: Callable[[Event], None]) -> None:
        self._executor, self._retries, self._on_event = executor, retries, on_event
        self._aside: deque[Event] = deque()

    def run(self, specs: Sequence[TaskSpec]) -> dict[str, Manifest]:
        """Run the tasks; their manifests by key. Raises RunFailedError, and DamagedFileError once no task runs."""
        waiting = deque(specs)
        later: list[tuple[float, TaskSpec]] = []
        attempts: dict[str, int] = {}
        manifests: dict[str, Manifest] = {}
        damage: DamagedFileError | None = None
        running = 0
        while waiting or later or running:
            now = time.monotonic()
            waiting.extend(spec for when, spec in later if when <= now)
            later = [(when, spec) for when, spec in later if when > now]
            while waiting and running < self._executor.capacity:
                self._executor.submit(waiting.popleft())
                running += 1
            if not running:
                time.sleep(0.05)
                continue
            for event in self._events():
                self._on_event(event)
                if isinstance(event, Progressed):
                    continue
                running -= 1
                spec, outcome = event.spec, event.outcome
                if not isinstance(outcome, Failure):
                    manifests[spec.key] = outcome
                    continue
                if outcome.kind == "damaged":
                    damage = damage or DamagedFileError(outcome.file, outcome.message.removeprefix(f"{outcome.file} "))
                    waiting.clear()
                    later.clear()
                    continue
                tried = attempts[spec.key] = attempts.get(spec.key, 0) + 1
                if outcome.kind in ("machine", "storage", "crash") and tried <= self._retries:
                    later.append((time.monotonic() + min(30, 2 ** (tried - 1)), spec))
                elif outcome.kind == "crash" and spec.measures:
                    waiting.append(replace(spec, skip=[*spec.skip, self._find_crashing_record(spec, outcome)]))
                else:
                    raise _failed(spec, outcome, tried)
        if damage is not None:
            raise damage
        return manifests

    def _events(self) -> list[Event]:
        if self._aside:
            events, self._aside = list(self._aside), deque()
            return events
        return self._executor.wait()

    def _find_crashing_record(self, spec: TaskSpec, failure: Failure) -> list[Any]:
        """[number, how] of the record that ends workers, found by trying ever smaller pieces of the shard."""
        low, size = 0, spec.batch_rows
        while True:
            outcome = self._probe(replace(spec, probe=[low, low + size]))
            if isinstance(outcome, Failure):
                failure = outcome
                break
            if "records" in outcome["notes"]:
                message = f"{failure.message} {self._retries + 1} times, but on no document of the shard by itself"
                raise _failed(spec, Failure("crash", message), self._retries + 1)
            low, size = low + size, 2 * size
        high = low + size
        while high - low > 1:
            middle = (low + high) // 2
            outcome = self._probe(replace(spec, probe=[low, middle]))
            if isinstance(outcome, Failure):
                high, failure = middle, outcome
            else:
                low = middle
        return [low, failure.message]

    def _probe(self, probe: TaskSpec) -> Manifest | Failure:
        """Run one probe; what others do meanwhile is put aside. One process more than `capacity` may run for it."""
        self._executor.submit(probe)
        while True:
            for event in self._executor.wait():
                if not isinstance(event, Finished) or event.spec != probe:
                    self._aside.append(event)
                    continue
                return event.outcome


def _failed(spec: TaskSpec, failure: Failure, tried: int) -> RunFailedError:
    times = f" (tried {tried} times)" if tried > 1 else ""
    if failure.kind == "machine":
        return RunFailedError(f"{failure.message}{times}", user=not failure.traceback, traceback=failure.traceback)
    return RunFailedError(f"{spec.phase}, task {spec.label}: {failure.message}{times}", traceback=failure.traceback)
