"""Tasks in this process, one after the other."""

from pathlib import Path
from typing import Any

from dspipe.pipeline.run.executors.inline import InlineExecutor
from dspipe.pipeline.run.executors.interface import Finished, Progressed
from dspipe.pipeline.tasks.spec import TaskSpec
from dspipe.pipeline.tasks.task import Task


def work(task: Task, payload: dict[str, Any]) -> None:
    task.progress(documents=3, bytes=30)
    task.progress(share=0.5)


def spec(folder: Path, number: int) -> TaskSpec:
    return TaskSpec(f"{number:032}", "x", f"{number:05}", f"{__name__}:work", {}, str(folder), 0, 1, 1, 1, 1, number)


def test_a_task_runs_when_it_is_waited_for(tmp_path: Path) -> None:
    executor = InlineExecutor()
    specs = [spec(tmp_path, number) for number in range(2)]
    for one in specs:
        executor.submit(one)
    assert not list(tmp_path.rglob("*.manifest.json"))
    events = executor.wait()
    assert [event.spec for event in events if isinstance(event, Finished)] == specs
    moves = [(e.spec, e.documents, e.bytes, e.share) for e in events if isinstance(e, Progressed)]
    assert moves == [(s, *done) for s in specs for done in ((3, 30, 0.0), (0, 0, 0.5))]
    assert len(list(tmp_path.rglob("*.manifest.json"))) == 2
    assert executor.wait() == []
    executor.close()
