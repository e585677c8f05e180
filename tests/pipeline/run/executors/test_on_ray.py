"""Ray: the same bytes, workers that die, a cluster that loses a node."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.plan.tasks import empty_state, task_specs
from dspipe.pipeline.run.executors import on_ray
from dspipe.pipeline.run.executors.interface import Event, Finished, Progressed, Started
from dspipe.pipeline.run.executors.on_ray import RayExecutor, _idle, _run_remotely
from dspipe.pipeline.run.executors.ray_cluster import Resources
from dspipe.pipeline.storage.store import Store
from tests.engine import planned, run_inline, write_config
from tests.pipeline.run.executors.runs import hashes, kill_workers, make_many


@pytest.fixture
def many(tmp_path: Path) -> dict[str, Any]:
    return make_many(tmp_path)


@pytest.mark.usefixtures("ray_session")
def test_ray_gives_the_same_bytes(many: dict[str, Any], tmp_path: Path) -> None:
    run_inline(many)
    output = str(tmp_path / "ray")
    run_inline(many, engine={"kind": "ray"}, output=output)
    assert hashes(output) == hashes(many["output"])


@pytest.mark.usefixtures("ray_session")
def test_progress_within_a_task_comes_from_the_worker(many: dict[str, Any], tmp_path: Path) -> None:
    executor = RayExecutor(None, 2, 1 << 28)
    plan = planned({**many, "stages": [{"tests.toys.sleepy": {"seconds": 0.2}}], "engine": {"batch_rows": 2}})
    spec = task_specs(plan, plan.phases[0], empty_state(plan), Store(plan.config.output))[0]
    executor.submit(spec)
    events: list[Event] = []
    while not events or not isinstance(events[-1], Finished):
        events += executor.wait()
    executor.close()
    started, *moved, finished = events
    assert isinstance(started, Started)
    assert started.where.startswith("process ")
    assert len(moved) > 1
    assert sum(event.documents for event in moved if isinstance(event, Progressed)) == 40
    assert isinstance(finished, Finished)
    assert isinstance(finished.outcome, dict)


@pytest.mark.usefixtures("ray_session")
def test_a_task_that_is_cancelled_leaves_no_worker(many: dict[str, Any]) -> None:
    executor = RayExecutor(None, 2, 1 << 28)
    plan = planned({**many, "stages": [{"tests.toys.sleepy": {"seconds": 600}}]})
    spec = task_specs(plan, plan.phases[0], empty_state(plan), Store(plan.config.output))[0]
    executor.submit(spec)
    events: list[Event] = []
    while not events:
        events = executor.wait()
    (started,) = events
    assert isinstance(started, Started)
    process = Path("/proc") / started.where.removeprefix("process ").partition(" ")[0]
    assert process.exists()
    executor.cancel(spec)
    deadline = time.monotonic() + 60
    while process.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not process.exists()
    executor.close()


@pytest.mark.usefixtures("ray_session")
def test_a_document_that_kills_its_worker_is_quarantined(tmp_path: Path) -> None:
    kill_workers("ray", tmp_path)


def test_a_cluster_that_loses_a_node_gives_the_same_bytes_and_one_without_its_head_ends(
    many: dict[str, Any], tmp_path: Path
) -> None:
    # each shard takes a while, so that the node is lost with tasks on it
    many["stages"].insert(0, {"tests.toys.sleepy": {"seconds": 0.7}})
    run_inline(many)
    command = [
        sys.executable,
        "-m",
        "tests.pipeline.run.executors.ray_cluster",
        json.dumps(many),
        str(tmp_path / "cluster"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["alive"], said["without_cores"]) == (2, 1)
    assert hashes(str(tmp_path / "cluster")) == hashes(many["output"])
    assert said["message"].startswith("the Ray cluster's head at ADDRESS doesn't answer any more")
    assert "Traceback" not in done.stderr


def test_a_job_is_submitted_stopped_and_gone_on_with(many: dict[str, Any], tmp_path: Path) -> None:
    """As docs/cluster.md has it, on a cluster of its own with a dashboard."""
    pytest.importorskip("opencensus", reason="needs ray[default]")
    slow = {**many, "stages": [{"tests.toys.sleepy": {"seconds": 0.5}}, *many["stages"]]}
    output, file = tmp_path / "job", tmp_path / "job.yaml"
    write_config(file, {**slow, "name": "test", "engine": {"kind": "ray", "address": "auto"}, "output": str(output)})
    command = [sys.executable, "-m", "tests.pipeline.run.executors.ray_jobs", str(file), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["states"] == ["STOPPED", "SUCCEEDED"]
    assert 0 < said["done_before"] < said["tasks"]
    assert f"{output}: done, {said['tasks'] - said['done_before']} tasks run" in said["log"]
    run_inline(slow, output=str(tmp_path / "undisturbed"))
    assert sorted(hashes(str(output)).values()) == sorted(hashes(str(tmp_path / "undisturbed")).values())


def test_sigterm_ends_a_driver_as_before_it_joined_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def ours(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, ours)
    try:
        # what ray.init does, which is seconds
        monkeypatch.setattr(ray, "is_initialized", lambda: False)
        monkeypatch.setattr(ray, "init", lambda *address, **said: signal.signal(signal.SIGTERM, signal.SIG_DFL))
        monkeypatch.setattr(on_ray, "Cluster", lambda ray: None)
        RayExecutor(None, 1, 1 << 28)
        assert signal.getsignal(signal.SIGTERM) is ours
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("ray_session")
def test_a_part_of_a_gpu_is_reserved(many: dict[str, Any]) -> None:
    import ray

    executor = RayExecutor(None, 2, 1 << 28)
    executor.check_gpus(0.25)
    plan = planned({**many, "stages": [{"tests.toys.sleepy": {"seconds": 600}}]})
    spec = task_specs(plan, plan.phases[0], empty_state(plan), Store(plan.config.output))[0]
    executor.submit(replace(spec, gpus=0.25))
    patience = time.monotonic() + 120
    while ray.available_resources().get("GPU") != 0.75:  # Ray counts a little later
        assert time.monotonic() < patience
        executor.wait()
    executor.close()


def test_a_gpu_that_no_node_has_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    executor = RayExecutor.__new__(RayExecutor)
    executor._cluster = SimpleNamespace(resources=lambda: Resources(4, None))  # type: ignore[assignment]
    executor.check_gpus(0)
    with pytest.raises(ConfigError, match="no node of the Ray cluster has one now: start a node with a GPU"):
        executor.check_gpus(0.5)


def test_a_worker_is_kept_for_tasks_that_see_the_same_gpu(
    many: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(many)
    spec = task_specs(plan, plan.phases[0], empty_state(plan), Store(plan.config.output))[0]
    named = []
    for visible in ("0", "0", "1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        worker, *_, outcome = _run_remotely(spec, 1.0)
        assert isinstance(outcome, dict)
        named.append(worker)
    assert named[0] == named[1] != named[2]
    assert [worker.name for worker in _idle] == [named[2].partition(" on ")[0]]
    _idle.pop().kill()
