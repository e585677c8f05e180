"""Compiling before the work: a task for each stage, none of which can fail the run."""

from typing import Any

import pytest

from dspipe.pipeline.document import example_batch
from dspipe.pipeline.run import compile_kernels
from dspipe.pipeline.run.account import RunAccount
from dspipe.pipeline.run.compile_kernels import compile_missing, compile_specs, compiled_before, remember_compiled
from dspipe.pipeline.run.executors.interface import Event, Failure, Finished
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.run.scheduler import Scheduler
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.unicode import Unicode
from tests.engine import planned


def run(spec: TaskSpec) -> dict[str, Any]:
    task = Task(spec, Store("/nowhere"), lambda documents=0, bytes=0, share=0.0: None)
    compile_kernels.run(task, spec.payload)
    return task.notes


def test_a_task_for_each_stage_that_measures_and_compiles(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jsonl").write_text("")
    source = {"name": "a", "format": "jsonl", "path": str(tmp_path / "a.jsonl")}
    plan = planned({"output": str(tmp_path / "out"), "sources": [source], "stages": ["unicode", "exact_dedup"]})
    specs = compile_specs(plan)
    assert [(spec.label, spec.probe) for spec in specs] == [("unicode", [0, 0]), ("exact_dedup", [0, 0])]
    seen: list[int] = []
    measure = Unicode.measure

    def watched(self: Unicode, batch: Any) -> Any:
        seen.append(batch.num_rows)
        return measure(self, batch)

    monkeypatch.setattr(Unicode, "measure", watched)
    assert [run(spec) for spec in specs] == [{}, {}]
    assert seen == [example_batch().num_rows]
    assert not (tmp_path / "out").exists()

    def broken(self: Unicode, batch: Any) -> Any:
        raise ValueError("no such letter")

    monkeypatch.setattr(Unicode, "measure", broken)
    assert run(specs[0]) == {"not compiled": "ValueError: no such letter"} or "no such letter" in str(run(specs[0]))


def test_what_is_compiled_is_remembered_on_the_machine(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n')
    source = {"name": "a", "format": "jsonl", "path": str(tmp_path / "a.jsonl")}
    monkeypatch.setattr(compile_kernels, "cache_folder", lambda: tmp_path)
    engine = {"kind": "local", "workers": 1}
    values = {"output": str(tmp_path / "out"), "sources": [source], "stages": ["unicode"], "engine": engine}
    plan = planned(values)
    assert [compiled_before(spec) for spec in compile_specs(plan)] == [False]
    remember_compiled(compile_specs(plan))
    assert [compiled_before(spec) for spec in compile_specs(plan)] == [True]
    with monkeypatch.context() as elsewhere:  # another copy of the sources has kernels of its own
        elsewhere.setattr(compile_kernels, "__file__", "/elsewhere/compile_kernels.py")
        assert [compiled_before(spec) for spec in compile_specs(plan)] == [False]
    (other,) = compile_specs(planned({**values, "stages": ["exact_dedup"]}))
    assert not compiled_before(other)
    # where nothing can be written nothing is remembered
    monkeypatch.setattr(compile_kernels, "cache_folder", lambda: tmp_path / "a.jsonl")
    remember_compiled([other])
    assert not compiled_before(other)


class Answers:
    """An executor whose tasks end at once, each with the next answer."""

    capacity = 1
    one_machine = True

    def __init__(self, *answers: Manifest | Failure) -> None:
        self.answers = list(answers)
        self.waiting: list[TaskSpec] = []

    def check_gpus(self, gpus: float) -> None: ...

    def submit(self, spec: TaskSpec) -> None:
        self.waiting.append(spec)

    def wait(self) -> list[Event]:
        return [Finished(self.waiting.pop(), self.answers.pop(0))]

    def cancel(self, spec: TaskSpec) -> None:
        pass

    def condition(self, spec: TaskSpec) -> str:
        return ""

    def close(self) -> None:
        pass


def test_compiling_is_tried_again_and_not_repeated(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_kernels, "cache_folder", lambda: tmp_path)
    (tmp_path / "a.jsonl").write_text("")
    source = {"name": "a", "format": "jsonl", "path": str(tmp_path / "a.jsonl")}
    plan = planned({"output": str(tmp_path / "out"), "sources": [source], "stages": ["unicode", "exact_dedup"]})
    account, begun = RunAccount(plan, LogProgress()), list[int]()

    def begin(tasks: int) -> None:
        account.phase(compile_kernels.PHASE, tasks)
        begun.append(tasks)

    killed = Failure("crash", "the worker process was ended by SIGKILL")
    done: Manifest = {"notes": {}}
    executor = Answers(killed, done, {"notes": {"not compiled": "ValueError"}})
    compile_missing(plan, Scheduler(executor, plan.config.engine.retries, account.heard), begin)
    assert executor.answers == []
    # the second one wasn't compiled
    executor = Answers(done)
    compile_missing(plan, Scheduler(executor, plan.config.engine.retries, account.heard), begin)
    assert executor.answers == []
    compile_missing(plan, Scheduler(Answers(), 0, account.heard), begin)
    assert begun == [2, 1]
