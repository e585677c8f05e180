"""What a driver keeps account of: tasks, documents, failures, retries, progress within tasks."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.tasks import empty_state, task_specs
from dspipe.pipeline.run import account as module
from dspipe.pipeline.run.account import RunAccount
from dspipe.pipeline.run.executors import make_executor
from dspipe.pipeline.run.executors.interface import Failure, Finished, Progressed, Started
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.run.run import run_plan
from dspipe.pipeline.run.run_progress import PhaseProgress
from dspipe.pipeline.run.scheduler import Silent
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import TaskSpec
from tests.engine import planned
from tests.pipeline.run.test_run import config, corpus


class Clock:
    """Time that a test sets."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1e9 + self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic, time=clock.time))
    return clock


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Four shards of which each is twice as long as what was read of it is in memory."""
    corpus(tmp_path / "in", [["alpha one"]] * 4)
    return planned(config(tmp_path))


def specs(plan: Plan) -> list[TaskSpec]:
    return task_specs(plan, plan.phases[0], empty_state(plan), Store(plan.config.output))


def documents(account: RunAccount) -> PhaseProgress:
    return next(phase for phase in account.progress().phases if phase.name == "documents")


def test_progress_within_tasks_counts(plan: Plan, clock: Clock) -> None:
    account, tasks = RunAccount(plan, LogProgress()), specs(plan)
    assert documents(account) == PhaseProgress("documents", documents(account).title, tasks=4)
    account.phase("documents", 4)
    stored = tasks[0].payload["files"][0][2]
    for task in tasks[:2]:
        account.heard(Started(task, "process 1"))
    account.alive()
    clock.now = 10
    account.heard(Progressed(tasks[0], 1, 3 * stored, 0.0))
    account.heard(Finished(tasks[0], {"counters": {"quarantined": 2}}))
    account.heard(Progressed(tasks[1], 1, stored, 0.0))  # a third of what the first one was, by its bytes
    phase = documents(account)
    assert (phase.state, phase.done, phase.running, phase.quarantined) == ("running", 1, 1, 2)
    assert phase.share == pytest.approx((1 + 1 / 3) / 4)
    assert phase.seconds_left == pytest.approx(10 * (4 - 4 / 3) / (4 / 3))
    assert phase.documents_per_second == pytest.approx(0.2)
    assert phase.bytes_per_second == pytest.approx(4 * stored / 10)
    assert account.progress().workers == 1


def test_rates_are_of_the_last_minute(plan: Plan, clock: Clock) -> None:
    account, (task, *_) = RunAccount(plan, LogProgress()), specs(plan)
    account.phase("documents", 4)
    account.heard(Started(task, "process 1"))
    account.heard(Progressed(task, 1000, 0, 0.0))
    for second in range(200):
        clock.now = second
        account.alive()
    account.heard(Progressed(task, 120, 0, 0.0))
    clock.now = 200
    assert documents(account).documents_per_second == pytest.approx(120 / 60)


def test_failures_and_retries(plan: Plan) -> None:
    account, (task, other, *_) = RunAccount(plan, LogProgress()), specs(plan)
    account.phase("documents", 4)
    account.tasks("documents", 1, 0)
    for kind in ("crash", "storage"):
        account.heard(Started(task, "process 1"))
        account.heard(Finished(task, Failure(kind, "ended")))
    account.heard(Started(task, "process 2"))
    account.heard(Started(other, "process 3"))
    phase = documents(account)
    assert (phase.failures, phase.retries, phase.done, phase.reused) == ({"crash": 1, "storage": 1}, 2, 1, 1)
    account.heard(Finished(task, {"counters": {}}))
    account.heard(Started(task, "process 2"))
    assert documents(account).retries == 2
    account.heard(Silent(other, "process 3", "", 100))
    assert "nothing heard for 100 s" in account.progress().notices[-1].text


def test_secrets_are_no_part_of_it(plan: Plan) -> None:
    account = RunAccount(plan, LogProgress())
    account.notice("waiting for https://ann:secret@host/x")
    said = account.progress("failed", "cannot read https://ann:secret@host/x")
    assert "secret" not in f"{said.as_json()}"


def test_a_run_ends_with_all_of_it(tmp_path: Path) -> None:
    corpus(tmp_path / "in", [["alpha one", "do RAISE here", "abc"], ["alpha one", "beta two"]])
    plan = planned(config(tmp_path))
    executor = make_executor(plan.config.engine)

    def run() -> dict[str, PhaseProgress]:
        account = RunAccount(plan, LogProgress())
        run_plan(plan, executor, account)
        return {phase.name: phase for phase in account.progress().phases}

    phases = run()
    assert {phase.state for phase in phases.values()} == {"done"}
    assert (phases["documents"].entered, phases["documents"].quarantined, phases["documents"].reused) == (5, 1, 0)
    again: dict[str, Any] = run()
    assert (again["documents"].entered, again["documents"].quarantined, again["documents"].reused) == (5, 1, 2)
    assert all(phase.share == 1.0 and phase.done == phase.tasks for phase in again.values())
