"""Worker processes one by one: what they say, how they end, and that they die with the process that started them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.run.executors.interface import Event, Failure, Finished, Progressed
from dspipe.pipeline.run.executors.worker import Worker
from dspipe.pipeline.tasks.limits import deadline
from dspipe.pipeline.tasks.place import Place
from dspipe.pipeline.tasks.spec import TaskSpec
from dspipe.pipeline.tasks.task import Task


def work(task: Task, payload: dict[str, Any]) -> None:
    """Do what the payload says at records 8 to 15 of a stage."""
    task.progress(documents=3, bytes=30)
    task.at("toy", 8, 16)
    what = payload["what"]
    if what == "exit":
        os._exit(7)
    elif what == "raise":
        raise SystemExit(5)
    elif what == "signal":
        os.kill(os.getpid(), payload["signal"])
    elif what == "hang":
        with deadline(task.spec.deadline):
            while True:
                pass
    elif what == "eat":
        np.ones(payload["bytes"], np.uint8)
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "sleep":
        (Path(task.spec.root) / "sleeps").touch()
        time.sleep(600)
    elif what == "write":
        with task.make("made", ".bin") as file:
            for _ in range(50):
                file.write(bytes(1 << 16))
                time.sleep(0.002)


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.kill()


def spec(folder: Path, what: str, **payload: Any) -> TaskSpec:
    values = {"what": what, **payload}
    return TaskSpec("k" * 32, "x", "00000", f"{__name__}:work", values, str(folder), 0, 1, 1, 1, 1, 0, deadline=0.2)


def heard(worker: Worker) -> list[Event]:
    """All that it says until its task has ended."""
    events: list[Event] = []
    while worker.spec is not None:
        assert worker.pipe.poll(60)
        events += worker.hear()
    return events


def failure(worker: Worker, spec: TaskSpec) -> Failure:
    worker.give(spec)
    *_, last = heard(worker)
    assert isinstance(last, Finished)
    assert isinstance(last.outcome, Failure)
    return last.outcome


def wait_for(what: Callable[[], bool]) -> None:
    patience = time.monotonic() + 60
    while not what():
        assert time.monotonic() < patience
        time.sleep(0.02)


def test_one_task_after_the_other(worker: Worker, tmp_path: Path) -> None:
    for _ in range(2):
        worker.give(spec(tmp_path, "write"))
        assert not worker.is_free()
        progressed, finished = heard(worker)
        assert isinstance(progressed, Progressed)
        assert (progressed.documents, progressed.bytes) == (3, 30)
        assert isinstance(finished, Finished)
        assert isinstance(finished.outcome, dict)
        assert finished.outcome["task"] == "00000"
        assert worker.is_free()


@pytest.mark.parametrize(
    ("what", "message", "from_outside"),
    [
        ({"what": "exit"}, "ended itself (exit code 7)", False),
        ({"what": "raise"}, "ended itself (exit code 5)", False),
        ({"what": "signal", "signal": signal.SIGSEGV}, "was ended by SIGSEGV", False),
        ({"what": "signal", "signal": signal.SIGALRM}, "took longer for a batch than engine.deadline (0.2 s)", False),
        ({"what": "hang"}, "took longer for a batch than engine.deadline (0.2 s)", False),
        ({"what": "signal", "signal": signal.SIGTERM}, "was ended by SIGTERM", True),
    ],
)
def test_how_it_ends(worker: Worker, tmp_path: Path, what: dict[str, Any], message: str, from_outside: bool) -> None:
    found = failure(worker, replace(spec(tmp_path, ""), payload=what))
    assert found.kind == "crash"
    assert found.message == f"the worker process {message}, stage toy, records 8 to 15"
    assert found.place == Place("toy", 8, 16)
    assert found.from_outside == from_outside
    assert not worker.is_free()


def test_the_peak_of_its_memory_is_known(worker: Worker, tmp_path: Path) -> None:
    worker.give(spec(tmp_path, "write"))
    heard(worker)
    found = failure(worker, spec(tmp_path, "eat", bytes=300 << 20))
    # what the process that started it took is in it, too
    assert 300 << 20 < found.peak_bytes < 8 << 30


def test_a_kill_from_outside_and_a_stop_are_seen(worker: Worker, tmp_path: Path) -> None:
    worker.give(spec(tmp_path, "sleep"))
    wait_for((tmp_path / "sleeps").exists)
    assert worker.condition() == "in stage toy, records 8 to 15"
    number = int(worker.name.removeprefix("process "))
    os.kill(number, signal.SIGSTOP)
    wait_for(lambda: worker.condition() == "stopped by a signal, in stage toy, records 8 to 15")
    os.kill(number, signal.SIGKILL)  # a stopped process, too
    (*_, last) = heard(worker)
    assert isinstance(last, Finished)
    assert isinstance(last.outcome, Failure)
    assert last.outcome.from_outside
    assert "SIGKILL, often the kernel's answer to too little memory" in last.outcome.message


def test_two_workers_may_commit_the_same_task(worker: Worker, tmp_path: Path) -> None:
    """Each file appears whole, whoever is the last; and what is in it doesn't depend on who wrote it."""
    other = Worker()
    task = spec(tmp_path, "write")
    for one in (worker, other):
        one.give(task)
    outcomes = [events[-1] for events in (heard(worker), heard(other))]
    manifests = [event.outcome for event in outcomes if isinstance(event, Finished)]
    other.kill()
    assert all(isinstance(manifest, dict) for manifest in manifests)
    assert manifests[0]["files"] == manifests[1]["files"]  # type: ignore[index]
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == [
        f"00000-{'k' * 12}.made.bin",
        f"00000-{'k' * 12}.manifest.json",
    ]
    assert (tmp_path / "x" / f"00000-{'k' * 12}.made.bin").stat().st_size == 50 << 16


_PARENT = """
import json, sys, time
from dspipe.pipeline.run.executors.worker import Worker
from dspipe.pipeline.tasks.spec import TaskSpec
worker = Worker()
worker.give(TaskSpec(**json.loads(sys.argv[1])))
print(worker.name, flush=True)
time.sleep(600)
"""


def test_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    task = spec(tmp_path, "sleep")
    command = [sys.executable, "-c", _PARENT, json.dumps(vars(task))]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": _path()}
    ) as parent:
        assert parent.stdout is not None
        number = int(parent.stdout.readline().removeprefix("process "))
        wait_for((tmp_path / "sleeps").exists)
        parent.kill()
    wait_for(lambda: not _runs(number))


def _path() -> str:
    return os.pathsep.join(path for path in sys.path if path)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
