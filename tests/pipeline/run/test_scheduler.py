"""The driver's loop: tasks in flight are bounded, tries are few, deadly records are found beside other work, tasks that
lag are started again, and those that hang are ended."""

import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.errors import DamagedFileError, RunFailedError
from dspipe.pipeline.run import clock as machine_clock
from dspipe.pipeline.run.executors.interface import Event, Failure, FailureKind, Finished, Progressed, Started
from dspipe.pipeline.run.scheduler import Scheduler, Silent
from dspipe.pipeline.tasks.place import Place
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

    def check_gpus(self, gpus: float) -> None: ...

    def submit(self, spec: TaskSpec) -> None:
        self.submitted.append(spec)
        self.running.append(spec)
        self.most = max(self.most, len(self.running))

    def wait(self) -> list[Event]:
        spec = self.running.pop() if self._newest_first else self.running.popleft()
        return [Started(spec, "here"), Progressed(spec, 1, 10, 0.0), Finished(spec, self._answer(spec))]

    def cancel(self, spec: TaskSpec) -> None:
        self.running.remove(spec)

    def condition(self, spec: TaskSpec) -> str:
        return ""

    def close(self) -> None:
        pass


class Timed(Workers):
    """An executor whose tasks take so many seconds, by number and by how often they were started before; `math.inf`
    never ends."""

    def __init__(self, seconds: Callable[[int, int], float], clock: list[float], capacity: int = 2) -> None:
        super().__init__(lambda spec: {}, capacity)
        self._seconds, self._clock = seconds, clock
        self._starts: Counter[int] = Counter()
        self.ends: list[tuple[float, TaskSpec]] = []
        self.cancelled: list[TaskSpec] = []
        self._events: list[Event] = []
        self.state = "in stage extract, records 0 to 7"

    def check_gpus(self, gpus: float) -> None: ...

    def submit(self, spec: TaskSpec) -> None:
        self.submitted.append(spec)
        self.ends.append((self._clock[0] + self._seconds(spec.number, self._starts[spec.number]), spec))
        self._starts[spec.number] += 1
        self._events.append(Started(spec, "process 7"))

    def wait(self) -> list[Event]:
        self._clock[0] = min(self._clock[0] + 1, *(end for end, _ in self.ends), math.inf)
        ended: list[Event] = [
            Finished(spec, {"started": self._clock[0]}) for end, spec in self.ends if end <= self._clock[0]
        ]
        self.ends = [(end, spec) for end, spec in self.ends if end > self._clock[0]]
        events, self._events = self._events + ended, []
        return events

    def cancel(self, spec: TaskSpec) -> None:
        self.cancelled.append(spec)
        self.ends = [(end, other) for end, other in self.ends if other != spec]

    def condition(self, spec: TaskSpec) -> str:
        return self.state


def task(number: int, over: str = "shards", batch_rows: int = 4, phase: str = "judge", rows: int = 0) -> TaskSpec:
    key, by_record = f"{phase}-{number}", over == "inputs"
    return TaskSpec(
        key=key,
        phase=phase,
        label=f"{number:05d}",
        runner="",
        payload={},
        root="",
        seed=0,
        memory=0,
        batch_rows=batch_rows,
        batch_bytes=0,
        shards=1,
        number=number,
        over=over,
        groups=[rows],
        by_record=by_record,
    )


def run(workers: Workers, specs: Sequence[TaskSpec], retries: int = 2, **options: Any) -> dict[str, Manifest]:
    return Scheduler(workers, retries, lambda event: None, **options).run(specs)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time passes when the driver sleeps, and at once."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(machine_clock, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    return now


@pytest.mark.parametrize("capacity", [1, 3])
def test_every_task_runs_once_and_never_too_many_at_a_time(capacity: int) -> None:
    workers, heard = Workers(lambda spec: {"of": spec.number}, capacity), Counter[str]()
    found = Scheduler(workers, 2, lambda event: heard.update([type(event).__name__])).run([task(n) for n in range(7)])
    assert found == {f"judge-{n}": {"of": n} for n in range(7)}
    assert [spec.number for spec in workers.submitted] == list(range(7))
    assert workers.most == capacity
    assert heard == {"Started": 7, "Finished": 7, "Progressed": 7}


def test_large_tasks_go_first() -> None:
    workers = Workers(lambda spec: {})
    run(workers, [task(n, rows=rows) for n, rows in enumerate([3, 9, 1, 7])])
    assert [spec.number for spec in workers.submitted] == [1, 3, 0, 2]


def test_what_a_task_makes_possible_goes_before_what_waits() -> None:
    workers = Workers(lambda spec: {}, capacity=1)
    heard = []

    def then(spec: TaskSpec, manifest: Manifest) -> list[TaskSpec]:
        heard.append(spec.key)
        return [task(spec.number, phase="emit")] if spec.phase == "judge" else []

    assert Scheduler(workers, 2, lambda event: None).run([task(0), task(1)], then) == {}
    assert heard == ["judge-0", "emit-0", "judge-1", "emit-1"]


@pytest.mark.parametrize("kind", ["storage", "crash"])
def test_what_may_pass_is_tried_again_ever_later(kind: FailureKind, clock: list[float]) -> None:
    tries: Counter[str] = Counter()

    def answer(spec: TaskSpec) -> Manifest | Failure:
        tries[spec.key] += 1
        return Failure(kind, "no answer") if spec.number == 1 and tries[spec.key] < 3 else {}

    found = run(Workers(answer), [task(0), task(1), task(2)])
    assert len(found) == 3
    assert tries == {"judge-0": 1, "judge-1": 3, "judge-2": 1}
    assert 3 <= clock[0] < 3.2  # 1 and 2 seconds
    with pytest.raises(RunFailedError, match=r"judge, task 00001: no answer \(tried 3 times\)"):
        run(Workers(lambda spec: Failure(kind, "no answer")), [task(1)])


def test_a_lost_node_is_nobodys_fault() -> None:
    lost = [Failure("lost", "the node died")] * 9
    assert run(Workers(lambda spec: lost.pop() if lost else {}), [task(0)], retries=0) == {"judge-0": {}}
    with pytest.raises(RunFailedError, match=r"the node died \(tried 11 times\)"):
        run(Workers(lambda spec: Failure("lost", "the node died")), [task(0)])


@pytest.mark.parametrize("kind", ["stage", "conservation"])
def test_what_does_not_pass_ends_the_run_at_once(kind: FailureKind) -> None:
    workers = Workers(lambda spec: Failure(kind, "it is wrong", "Traceback of it"))
    with pytest.raises(RunFailedError, match="it is wrong") as caught:
        run(workers, [task(0)], retries=5)
    assert len(workers.submitted) == 1
    assert not caught.value.user
    assert caught.value.traceback == "Traceback of it"


def test_a_machines_trouble_is_tried_elsewhere_and_ends_the_run_in_one_sentence(clock: list[float]) -> None:
    workers = Workers(lambda spec: Failure("machine", "no model file x (on host)"))
    with pytest.raises(RunFailedError) as caught:
        Scheduler(workers, 2, lambda event: None).run([task(0)])
    assert str(caught.value) == "no model file x (on host) (tried 3 times)"
    assert caught.value.user
    assert len(workers.submitted) == 3


def test_a_setting_that_fits_nowhere_ends_the_run_at_once_in_one_sentence() -> None:
    workers = Workers(lambda spec: Failure("setting", "stages.tokenizer.train: there is no text"))
    with pytest.raises(RunFailedError) as caught:
        run(workers, [task(0)], retries=5)
    assert str(caught.value) == "stages.tokenizer.train: there is no text"
    assert caught.value.user
    assert len(workers.submitted) == 1


def test_a_damaged_file_ends_it_when_what_runs_has_ended() -> None:
    def answer(spec: TaskSpec) -> Manifest | Failure:
        return Failure("damaged", "/x is cut", file="/x") if spec.number == 0 else {}

    workers = Workers(answer)
    with pytest.raises(DamagedFileError, match="/x is cut"):
        run(workers, [task(n) for n in range(5)])
    assert [spec.number for spec in workers.submitted] == [0, 1]


def deadly(rows: int, killers: set[int], failure: Failure) -> Answer:
    """The text pass of a shard of so many records, some of which end the worker with this failure."""

    def answer(spec: TaskSpec) -> Manifest | Failure:
        left = killers.difference(record["record"] for record in spec.skip)
        low, high, step = spec.probe or (0, rows, spec.batch_rows)
        for first in range(low, high, step):
            end = min(rows, high, first + step)
            if any(first <= record < end for record in left):
                return replace(failure, place=Place("extract", first, end))
        return {"skipped": sorted(record["record"] for record in spec.skip)}

    return answer


DIED = Failure("crash", "the worker process was ended by SIGSEGV", peak_bytes=5 << 20)


@given(st.integers(1, 9000), st.sets(st.integers(0, 8999), max_size=3), st.booleans(), st.booleans())
def test_records_that_end_workers_are_found_and_skipped(
    rows: int, killers: set[int], newest_first: bool, from_outside: bool
) -> None:
    killers = {record for record in killers if record < rows}
    answer = deadly(rows, killers, replace(DIED, from_outside=from_outside))
    workers = Workers(lambda spec: answer(spec) if spec.number == 0 else {}, 2, newest_first)
    found = run(workers, [task(0, "inputs", 4096), task(1)], retries=0)
    assert found["judge-0"]["skipped"] == sorted(killers)
    assert found["judge-1"] == {}
    # 64 pieces, then record by record, and once more where somebody else may have sent the signal
    probes = [spec for spec in workers.submitted if spec.probe]
    assert len(probes) <= len(killers) * (3 if from_outside else 2)
    (last,) = [spec for spec in workers.submitted if spec.number == 0 and not spec.probe][-1:]
    assert all(record["stage"] == "extract" and record["peak_bytes"] == 5 << 20 for record in last.skip)


def test_other_work_goes_on_beside_the_search() -> None:
    answer = deadly(9000, {4321}, DIED)
    workers = Workers(lambda spec: answer(spec) if spec.number == 0 else {}, capacity=2)
    run(workers, [task(0, "inputs", 4096), *[task(n) for n in range(1, 9)]])
    kinds = "".join("p" if spec.probe else str(spec.number) for spec in workers.submitted)
    assert kinds.index("p") < kinds.index("4")
    assert kinds.rindex("p") > kinds.index("2")


@pytest.mark.parametrize("kind", ["storage", "lost"])
def test_trouble_of_a_probe_is_not_the_records(kind: FailureKind) -> None:
    answer, trouble = deadly(100, {77}, DIED), [Failure(kind, "a switch was pulled", place=Place("extract", 3, 4))]

    def troubled(spec: TaskSpec) -> Manifest | Failure:
        return trouble.pop() if spec.probe and trouble else answer(spec)

    assert run(Workers(troubled), [task(0, "inputs", 50)]) == {"judge-0": {"skipped": [77]}}
    assert not trouble


def test_a_worker_that_was_killed_by_chance_costs_no_record() -> None:
    """Somebody kills the worker, and then one more while a record is probed by itself."""
    chance = [Place("extract", 5, 6), Place("extract", 0, 50)]

    def answer(spec: TaskSpec) -> Manifest | Failure:
        return replace(DIED, from_outside=True, place=chance.pop()) if chance else {"skipped": len(spec.skip)}

    assert run(Workers(answer), [task(0, "inputs", 50)], retries=1) == {"judge-0": {"skipped": 0}}


def test_a_shard_that_ends_workers_as_a_whole_ends_the_run() -> None:
    def answer(spec: TaskSpec) -> Manifest | Failure:
        return {} if spec.probe else replace(DIED, place=Place("extract", 0, 9))

    with pytest.raises(RunFailedError, match=r"SIGSEGV, but on no document of the shard by itself \(tried 2 times\)"):
        run(Workers(answer), [task(0, "inputs")], retries=1)
    # elsewhere there are no records to leave out
    with pytest.raises(RunFailedError, match=r"ended by SIGSEGV \(tried 2 times\)"):
        run(Workers(answer), [task(0)], retries=1)


def test_the_last_task_is_started_again_where_it_lags(clock: list[float]) -> None:
    workers = Timed(lambda number, before: 1000 if (number, before) == (3, 0) else 5, clock)
    found = run(workers, [task(n) for n in range(4)])
    assert len(found) == 4
    first, second = [spec for spec in workers.submitted if spec.number == 3]
    assert first.attempt != second.attempt
    assert workers.cancelled == [first]
    assert clock[0] < 40


def test_a_second_start_that_is_slower_changes_nothing(clock: list[float]) -> None:
    workers = Timed(lambda number, before: [5, 5, 5, 30][number] if not before else 1000, clock)
    found = run(workers, [task(n) for n in range(4)])
    assert len(found) == 4
    assert [spec.number for spec in workers.cancelled] == [3]
    assert len(workers.submitted) == 5
    assert clock[0] < 50


def test_no_second_start_while_other_work_waits_or_all_go_the_same_pace(clock: list[float]) -> None:
    workers = Timed(lambda number, before: 100, clock)
    run(workers, [task(n) for n in range(7)])
    assert len(workers.submitted) == 7


def test_a_task_that_hangs_is_ended_and_tried_again(clock: list[float]) -> None:
    workers = Timed(lambda number, before: math.inf if number == 3 and before < 2 else 5, clock, capacity=1)
    found = run(workers, [task(n) for n in range(5)], patience_s=100)
    assert len(found) == 5
    assert [spec.number for spec in workers.cancelled] == [3, 3]
    assert 2 * 140 <= clock[0] < 2 * 150 + 60
    workers = Timed(lambda number, before: math.inf if number == 3 else 5, clock, capacity=1)
    with pytest.raises(
        RunFailedError, match=r"not done after 1\d\d s, .* would take [45].0 s \(process 7, in stage extract"
    ):
        run(workers, [task(n) for n in range(5)], patience_s=100)


def test_a_task_that_says_nothing_is_named(clock: list[float]) -> None:
    heard: list[str] = []
    workers = Timed(lambda number, before: 200 if number == 3 else 5, clock, capacity=1)

    def on_event(event: Event | Silent) -> None:
        heard.extend([str(event)] if isinstance(event, Silent) else [])

    Scheduler(workers, 0, on_event).run([task(n) for n in range(5)])
    assert len(heard) == 2  # after one minute, and after two
    assert heard[0] == "judge, task 00003: nothing heard for 60 s (process 7, in stage extract, records 0 to 7)"


def test_a_worker_that_is_stopped_is_named_sooner(clock: list[float]) -> None:
    heard: list[str] = []
    workers = Timed(lambda number, before: 45, clock)
    workers.state = "stopped by a signal"

    def on_event(event: Event | Silent) -> None:
        heard.extend([str(event)] if isinstance(event, Silent) else [])

    Scheduler(workers, 0, on_event).run([task(0)])
    assert heard == [
        f"judge, task 00000: nothing heard for {seconds} s (process 7, stopped by a signal)" for seconds in (10, 20, 40)
    ]


def test_a_cluster_without_room_is_told_of(clock: list[float]) -> None:
    heard: list[str] = []

    class Full(Timed):
        def wait(self) -> list[Event]:
            return [event for event in super().wait() if isinstance(event, Finished)]

    def on_event(event: Event | Silent) -> None:
        heard.extend([str(event)] if isinstance(event, Silent) else [])

    Scheduler(Full(lambda number, before: 150, clock), 0, on_event).run([task(0), task(1)])
    assert heard == [
        f"judge, task 00000: nothing heard for {seconds} s (it waits for a worker, and none is at work)"
        for seconds in (60, 120)
    ]
