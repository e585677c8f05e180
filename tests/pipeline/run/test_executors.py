"""The same bytes wherever and however tasks run; workers that die; runs that are killed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.engine import rows_of, run_inline, tasks_run, write_config
from tests.pipeline.run.test_run import config, corpus

SHARDS = [
    [f"document {shard} {row} of many" if row % 3 else f"shared {row}" for row in range(40)] for shard in range(7)
]


def hashes(folder: str) -> dict[str, str]:
    """sha256 of every data file below a run's output, by phase and what is independent of the place of the input."""
    root = Path(folder)
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.suffix in (".parquet", ".exchange") or path.name == "report.json"
    }


@pytest.fixture
def many(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in", SHARDS)
    return config(tmp_path)


def test_local_workers_give_the_same_bytes(many: dict[str, Any], tmp_path: Path) -> None:
    run_inline(many)
    expected = hashes(many["output"])
    assert len(expected) == 7 * 4 + 3 + 1
    for workers in (1, 2, 5):
        output = str(tmp_path / f"local-{workers}")
        run_inline(many, engine={"kind": "local", "workers": workers}, output=output)
        assert hashes(output) == expected


@pytest.mark.usefixtures("ray_session")
def test_ray_gives_the_same_bytes(many: dict[str, Any], tmp_path: Path) -> None:
    run_inline(many)
    output = str(tmp_path / "ray")
    run_inline(many, engine={"kind": "ray"}, output=output)
    assert hashes(output) == hashes(many["output"])


def test_a_cluster_that_loses_a_node_gives_the_same_bytes(many: dict[str, Any], tmp_path: Path) -> None:
    # each shard takes a while, so that the node is lost with tasks on it
    many["stages"].insert(0, {"tests.toys.sleepy": {"seconds": 0.7}})
    run_inline(many)
    command = [sys.executable, "-m", "tests.pipeline.run.ray_cluster", json.dumps(many), str(tmp_path / "cluster")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"alive": 2, "without_cores": 1}
    assert hashes(str(tmp_path / "cluster")) == hashes(many["output"])


@pytest.mark.parametrize("kind", ["local", "ray"])
def test_a_document_that_kills_its_worker_is_quarantined(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "ray":
        request.getfixturevalue("ray_session")
    texts = [f"document {row}" for row in range(30)]
    texts[17] = "KILL the worker"
    texts[23] = "KILL another"
    corpus(tmp_path / "in", [["a good shard", "of two"], texts])
    values = config(tmp_path)
    result = run_inline(values, engine={"kind": kind, "workers": 2, "retries": 0, "batch_rows": 4})
    ids = [row["id"] for row in rows_of(result, ["id"])]
    assert ids == ["0-0", "0-1", *[f"1-{row}" for row in range(30) if row not in (17, 23)]]
    (quarantine,) = Path(result.store.path("documents")).glob("*.quarantine.jsonl")
    entries = [json.loads(line) for line in quarantine.read_text().splitlines()]
    assert [entry["id"] for entry in entries] == ["1-17", "1-23"]
    assert "worker process died" in entries[0]["error"]


def test_a_killed_run_goes_on_and_gives_the_same_bytes(many: dict[str, Any], tmp_path: Path) -> None:
    whole = {**many, "output": str(tmp_path / "whole")}
    run_inline(whole)
    file = write_config(tmp_path / "run.yaml", {**many, "name": "test", "engine": {"kind": "local", "workers": 2}})
    command = [sys.executable, "-m", "dspipe", "run", str(file)]
    for manifests in (1, 8, 15, 24):  # in each phase of the run
        with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as process:
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                if len(list(Path(many["output"]).rglob("*.manifest.json"))) >= manifests:
                    break
                time.sleep(0.005)
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            os.killpg(process.pid, signal.SIGKILL)
    result = run_inline(many)
    assert hashes(many["output"]) == hashes(whole["output"])
    assert not list(Path(many["output"]).rglob(".partial-*"))
    assert tasks_run(run_inline(many)) == {}
    assert result.store.read_json("run.json")["finished"]


def test_an_interrupt_says_how_to_go_on(tmp_path: Path) -> None:
    corpus(tmp_path / "in", [["SLEEP a while", "and then go on"]])
    values = {**config(tmp_path), "stages": [{"tests.toys.sleepy": {}}]}
    file = write_config(tmp_path / "run.yaml", {**values, "name": "test", "engine": {"kind": "local", "workers": 1}})
    process = subprocess.Popen([sys.executable, "-m", "dspipe", "run", str(file)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not (tmp_path / "out" / "config.yaml").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2)  # a worker sleeps over its task now
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "the same command goes on from there" in errors
    assert "Traceback" not in errors
