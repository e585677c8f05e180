"""`dspipe status`: one look, looks until the run ends, exit codes."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dspipe.cli import app
from dspipe.pipeline.run.run_progress import STATUS_FILE
from tests.engine import run_inline
from tests.pipeline.run.test_run import config, corpus


def status(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["status", *arguments])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    corpus(tmp_path / "in")
    return Path(run_inline(config(tmp_path)).store.root)


def says(run: Path, **changed: Any) -> None:
    """Let the driver have said something else."""
    value = json.loads((run / STATUS_FILE).read_text()) | changed
    (run / f".new{STATUS_FILE}").write_text(json.dumps(value))
    (run / f".new{STATUS_FILE}").rename(run / STATUS_FILE)


@pytest.fixture
def at_work(run: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A run that is at work, and fails once it was looked at a few times."""
    says(run, state="running")
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            says(run, state="failed", message="the disk is full")

    monkeypatch.setattr(time, "sleep", sleep)
    yield run
    assert looks == [2.0, 2.0]


def test_one_look(run: Path) -> None:
    done = status(str(run))
    assert done.exit_code == 0
    assert "test  finished" in done.stdout
    value = json.loads(status(str(run), "--json").stdout)
    assert (value["state"], len(value["phases"])) == ("finished", 6)
    done = status(str(run / "nothing"))
    assert (done.exit_code, "no run has begun in it" in done.stderr.replace("\n", " ")) == (2, True)


def test_watching_ends_with_the_run(at_work: Path) -> None:
    done = status(str(at_work), "--watch")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert [line.split(",")[0] for line in lines] == ["test: running", "test: running", "test: failed"]
    assert "the disk is full" in lines[-1]


def test_watching_as_json_is_a_line_a_look(at_work: Path) -> None:
    done = status(str(at_work), "--watch", "--json")
    assert [json.loads(line)["state"] for line in done.stdout.splitlines()] == ["running", "running", "failed"]


def test_an_interrupt_is_no_traceback(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    says(run, state="running")
    done = status(str(run), "--watch")
    assert (done.exit_code, done.stderr) == (130, "")
