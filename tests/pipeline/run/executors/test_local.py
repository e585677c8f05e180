"""Worker processes: the same bytes however many, workers that die, runs that are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.engine import rows_of, run_inline, tasks_run, write_config
from tests.pipeline.run.executors.runs import hashes, kill_workers, make_many
from tests.pipeline.run.test_run import config, corpus


@pytest.fixture
def many(tmp_path: Path) -> dict[str, Any]:
    return make_many(tmp_path)


def test_local_workers_give_the_same_bytes(many: dict[str, Any], tmp_path: Path) -> None:
    run_inline(many)
    expected = hashes(many["output"])
    assert len(expected) == 7 * 4 + 3 + 1
    for workers in (1, 2, 5):
        output = str(tmp_path / f"local-{workers}")
        run_inline(many, engine={"kind": "local", "workers": workers}, output=output)
        assert hashes(output) == expected


def test_a_document_that_kills_its_worker_is_quarantined(tmp_path: Path) -> None:
    kill_workers("local", tmp_path)


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
    # tests that a shell has started in the background ignore interrupts, and so would what they start
    interruptible = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    command = [sys.executable, "-m", "dspipe", "run", str(file)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible)
    deadline = time.monotonic() + 30
    while not (tmp_path / "out" / "config.yaml").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2)  # a worker sleeps over its task now
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "the same command goes on from there" in errors
    assert "Traceback" not in errors


def test_a_document_that_ends_its_worker_is_quarantined_with_how_it_did(tmp_path: Path) -> None:
    words = {"HANG": "took longer for a batch than engine.deadline (1 s)"}
    words |= {"EXIT": "ended itself (exit code 3)", "SEGV": "was ended by SIGSEGV"}
    corpus(tmp_path / "in", [["alpha one", f"this will {word} here", "beta two"] for word in words])
    engine = {"kind": "local", "workers": 2, "deadline": 1, "retries": 0}
    result = run_inline(config(tmp_path), engine=engine)
    assert [row["text"] for row in rows_of(result, ["text"])] == ["alpha one", "beta two"] * 3
    files = sorted(Path(result.store.path("documents")).glob("*.quarantine.jsonl"))
    entries = [json.loads(file.read_text()) for file in files]
    assert [(entry["id"], entry["stage"]) for entry in entries] == [(f"{n}-1", "lengths") for n in range(3)]
    assert all(entry["place"].endswith("line 2") and entry["peak_bytes"] > 10 << 20 for entry in entries)
    ended = "a worker process ended on this document: the worker process "
    assert [entry["error"].removeprefix(ended) for entry in entries] == list(words.values())


def test_a_document_that_is_judged_for_ever_is_quarantined(tmp_path: Path) -> None:
    corpus(tmp_path / "in", [["tiny", "alpha one", "13 characters", "beta two"], ["gamma three"]])
    engine = {"kind": "local", "workers": 2, "deadline": 1, "retries": 0}
    result = run_inline(config(tmp_path, hang_on=13), engine=engine)
    assert [row["reason"] for row in rows_of(result, ["reason"])] == [
        "lengths.too_short",
        None,
        "quarantined.lengths",
        None,
        None,
    ]
    (file,) = Path(result.store.path("judge")).glob("*.quarantine.jsonl")
    entry = json.loads(file.read_text())
    assert (entry["id"], entry["stage"]) == ("0-2", "lengths")
    assert "took longer for a batch than engine.deadline (1 s)" in entry["error"]


@pytest.mark.parametrize("kind", ["inline", "local"])
def test_a_document_that_takes_all_memory_is_quarantined(tmp_path: Path, kind: str) -> None:
    corpus(tmp_path / "in", [["alpha one", "this will EAT all", "beta two"]])
    engine: dict[str, Any] = {"kind": kind, "memory": "128MiB", "retries": 0}
    result = run_inline(config(tmp_path), engine=engine)
    assert [row["text"] for row in rows_of(result, ["text"])] == ["alpha one", "beta two"]
    (file,) = Path(result.store.path("documents")).glob("*.quarantine.jsonl")
    assert "out of memory" in json.loads(file.read_text())["error"]
