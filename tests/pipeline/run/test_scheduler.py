"""The driver's loop: tasks in flight are bounded, tries are few, and the record that kills workers is found."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.errors import RunFailedError
from dspipe.pipeline.run import scheduler
from dspipe.pipeline.run.executors.interface import Event, Failure, FailureKind, Finished, Progressed
from dspipe.pipeline.run.scheduler import Scheduler
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec

Answer = Callable[[TaskSpec], Manifest | Failure]


class Workers:
    """An executor whose tasks end one by one, in the order in which they were submitted or the reverse."""

    one_machine = False

    def __init__(self, answer: Answer, capacity: int = 2, newest_first: bool = False) -> None:
        self.capacity, self._answer, self._newest_first = capacity, answer, newest_first
        self.running: deque[TaskSpec] = deque()
        self.most = 0
        self.submitted: list[TaskSpec] = []

    def submit(self, spec: TaskSpec) -> None:
        self.submitted.append(spec)
        self.running.append(spec)
        if spec.probe is None:
            self.most = max(self.most, sum(task.probe is None for task in self.running))

    def wait(self) -> list[Event]:
        spec = self.running.pop() if self._newest_first else self.running.popleft()
        return [Progressed(spec, 1, 10, 0.0), Finished(spec, self._answer(spec))]

    def close(self) -> None:
        pass


def task(number: int, over: str = "shards", batch_rows: int = 4) -> TaskSpec:
    name, label = f"key-{number}", f"{number:05d}"
    spec = TaskSpec(name, "judge", label, "", {}, "", 0, 0, batch_rows, 0, 1, number, over=over)
    return replace(spec, measures=over == "inputs")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time passes when the driver sleeps, and at once."""
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(scheduler, "time", SimpleNamespace(monotonic=lambda: clock[0], sleep=sleep))
    return clock


@pytest.mark.parametrize("capacity", [1, 3])
def test_every_task_runs_once_and_never_too_many_at_a_time(capacity: int) -> None:
    workers, heard = Workers(lambda spec: {"of": spec.number}, capacity), Counter[str]()
    found = Scheduler(workers, 2, lambda event: heard.update([type(event).__name__])).run([task(n) for n in range(7)])
    assert found == {f"key-{n}": {"of": n} for n in range(7)}
    assert [spec.number for spec in workers.submitted] == list(range(7))
    assert workers.most == capacity
    assert heard == {"Finished": 7, "Progressed": 7}


@pytest.mark.parametrize("kind", ["storage", "crash"])
def test_what_may_pass_is_tried_again_ever_later(kind: FailureKind, no_waiting: list[float]) -> None:
    tries: Counter[str] = Counter()

    def answer(spec: TaskSpec) -> Manifest | Failure:
        tries[spec.key] += 1
        return Failure(kind, "no answer") if spec.number == 1 and tries[spec.key] < 3 else {}

    found = Scheduler(Workers(answer), 2, lambda event: None).run([task(0), task(1), task(2)])
    assert len(found) == 3
    assert tries == {"key-0": 1, "key-1": 3, "key-2": 1}
    assert 3 <= no_waiting[0] < 3.2  # 1 and 2 seconds
    with pytest.raises(RunFailedError, match=r"judge, task 00001: no answer \(tried 3 times\)"):
        Scheduler(Workers(lambda spec: Failure(kind, "no answer")), 2, lambda event: None).run([task(1)])


@pytest.mark.parametrize("kind", ["stage", "conservation"])
def test_what_does_not_pass_ends_the_run_at_once(kind: FailureKind) -> None:
    workers = Workers(lambda spec: Failure(kind, "it is wrong", "Traceback of it"))
    with pytest.raises(RunFailedError, match="it is wrong") as caught:
        Scheduler(workers, 5, lambda event: None).run([task(0)])
    assert len(workers.submitted) == 1
    assert not caught.value.user
    assert caught.value.traceback == "Traceback of it"


def test_a_machines_trouble_is_tried_elsewhere_and_ends_the_run_in_one_sentence(no_waiting: list[float]) -> None:
    workers = Workers(lambda spec: Failure("machine", "no model file x (on host)"))
    with pytest.raises(RunFailedError) as caught:
        Scheduler(workers, 2, lambda event: None).run([task(0)])
    assert str(caught.value) == "no model file x (on host) (tried 3 times)"
    assert caught.value.user
    assert len(workers.submitted) == 3


def deadly(rows: int, killers: set[int]) -> Answer:
    """The text pass of a shard of so many records, some of which kill the worker."""

    def answer(spec: TaskSpec) -> Manifest | Failure:
        low, high = spec.probe or (0, rows)
        if any(low <= record < high for record in killers.difference(number for number, _ in spec.skip)):
            return Failure("crash", "the worker process died")
        # a probe that reaches the end of the shard says how many records it has
        notes: dict[str, Any] = {"records": rows} if spec.probe and high >= rows else {}
        return {"notes": notes, "skipped": sorted(number for number, _ in spec.skip)}

    return answer


@given(st.integers(1, 60), st.sets(st.integers(0, 59), max_size=3), st.booleans())
def test_records_that_kill_workers_are_found_and_skipped(rows: int, killers: set[int], newest_first: bool) -> None:
    killers = {record for record in killers if record < rows}
    answer = deadly(rows, killers)
    specs = [task(0, "inputs"), task(1)]
    workers = Workers(lambda spec: answer(spec) if spec.number == 0 else {}, 2, newest_first)
    found = Scheduler(workers, 0, lambda event: None).run(specs)
    assert found["key-0"]["skipped"] == sorted(killers)
    assert found["key-1"] == {}
    # a search in steps that double, then in halves: not record by record
    probes = sum(spec.probe is not None for spec in workers.submitted)
    assert probes <= len(killers) * 12


def test_a_shard_that_kills_workers_as_a_whole_ends_the_run() -> None:
    def answer(spec: TaskSpec) -> Manifest | Failure:
        return {"notes": {"records": 9}} if spec.probe else Failure("crash", "the worker process died")

    with pytest.raises(RunFailedError, match="died 2 times, but on no document of the shard by itself"):
        Scheduler(Workers(answer), 1, lambda event: None).run([task(0, "inputs")])
    # elsewhere there are no records to leave out
    with pytest.raises(RunFailedError, match=r"the worker process died \(tried 2 times\)"):
        Scheduler(Workers(answer), 1, lambda event: None).run([task(0)])
