"""`dspipe status`: runs at work, killed, failed, finished, half deleted, of earlier versions, on an object store."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import RunFailedError, RunNotFoundError
from dspipe.pipeline.inspection.show_status import status_line, status_lines
from dspipe.pipeline.inspection.status import Status, open_status, run_status
from dspipe.pipeline.run.run_progress import STATUS_FILE, PhaseProgress, RunProgress
from dspipe.pipeline.storage.lease import LOCK_FILE, Holder
from dspipe.pipeline.storage.store import Store
from tests.chaos.faulty_proxy import FaultyProxy
from tests.engine import run_inline, write_config
from tests.pipeline.report.shown import text_of
from tests.pipeline.run.test_run import config, corpus


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in", [["alpha one", "do RAISE here", "abc"], ["alpha one", "beta two"]])
    return config(tmp_path)


def said(output: Path, **changed: Any) -> dict[str, Any]:
    """`.status.json` with some values changed."""
    value: dict[str, Any] = json.loads((output / STATUS_FILE).read_text()) | changed
    (output / STATUS_FILE).write_text(json.dumps(value))
    return value


def shown(status: Status) -> str:
    return text_of(lambda found, console: console.print(status_lines(found)), status)


def of_far(**changed: Any) -> bytes:
    """The word of a driver of another machine."""
    return replace(
        Holder.me(), **{"who": "ann@far, process 1", "machine": "far", "since": "noon", **changed}
    ).as_bytes()


def test_a_run_that_is_finished(toy: dict[str, Any], tmp_path: Path) -> None:
    run_inline(toy)
    status = open_status(toy["output"])
    assert (status.state, status.message, status.problems, status.at_work) == ("finished", "", [], False)
    assert [phase.state for phase in status.phases] == ["done"] * len(status.phases)
    by_name = {phase.name: phase for phase in status.phases}
    assert (by_name["documents"].entered, by_name["documents"].kept, by_name["documents"].tasks) == (5, 4, 2)
    assert (by_name["judge"].entered, by_name["judge"].kept) == (4, 3)
    assert status.quarantined == 1
    assert status.driver is not None
    assert status.driver.alive is False
    assert "test  finished" in shown(status)
    assert "quarantined 1" in status_line(status)
    # what JSON says is read back as it was
    value = json.loads(json.dumps(status.as_json()))
    assert [PhaseProgress.from_json(phase) for phase in value["phases"]] == status.phases
    assert (value["failures"], value["retries"], value["quarantined"]) == (0, 0, 1)


def test_a_run_at_work_that_is_killed(tmp_path: Path) -> None:
    corpus(tmp_path / "in")
    stages = [{"tests.toys.lengths": {}}, {"tests.toys.sleepy": {"seconds": 600}}]
    values = {"name": "slow", "engine": "inline", **config(tmp_path), "stages": stages}
    file, output = write_config(tmp_path / "run.yaml", values), str(tmp_path / "out")
    with subprocess.Popen([sys.executable, "-m", "dspipe", "run", str(file)], stderr=subprocess.DEVNULL) as driver:
        try:
            status = wait_for(output, lambda status: status.state == "running")
            assert (status.at_work, status.run) == (True, "slow")
            assert status.driver is not None
            assert f"process {driver.pid}" in status.driver.who
            assert status.driver.alive is True
            assert status.driver.heard_seconds_ago is not None
            assert status.memory > 1 << 20
            assert "slow  running" in shown(status)
        finally:
            driver.kill()
    status = open_status(output)
    assert (status.state, status.workers) == ("stopped", 0)
    assert "goes on from there" in status.message
    assert "stopped" in shown(status)


def wait_for(output: str, wanted: Any) -> Status:
    """The first status that is as wanted."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            status = open_status(output)
        except RunNotFoundError:
            continue
        finally:
            time.sleep(0.05)
        if wanted(status):
            return status
    raise AssertionError("it never came")


def test_a_run_that_failed_says_why(toy: dict[str, Any]) -> None:
    with pytest.raises(RunFailedError):
        run_inline({**toy, "stages": [{"tests.toys.unique": {"lose": True}}]})
    status = open_status(toy["output"])
    assert status.state == "failed"
    assert "documents went in" in status.message
    assert status.failures == 1
    # the same output, mended
    run_inline(toy)
    assert open_status(toy["output"]).state == "finished"


def test_a_driver_of_another_machine_is_heard_of_or_quiet(toy: dict[str, Any]) -> None:
    run_inline(toy)
    output = Path(toy["output"])
    (output / LOCK_FILE).write_bytes(of_far())
    said(output, state="running")
    status = open_status(toy["output"])
    assert status.state == "running"
    assert status.driver is not None
    assert status.driver.since == "noon"
    old = time.time() - 3600
    os.utime(output / STATUS_FILE, (old, old))
    status = open_status(toy["output"])
    assert (status.state, status.at_work) == ("quiet", True)
    assert status.driver is not None
    assert status.driver.alive is None
    assert "nothing heard of the driver for 1h00m" in status.message
    (output / LOCK_FILE).write_bytes(of_far(released=True))
    assert open_status(toy["output"]).state == "stopped"


def test_a_run_of_an_earlier_version_is_seen_by_what_is_committed(toy: dict[str, Any]) -> None:
    run_inline(toy)
    output = Path(toy["output"])
    (output / STATUS_FILE).unlink()
    assert open_status(toy["output"]).state == "finished"
    value = json.loads((output / "run.json").read_text())
    first, *rest = value["phases"]
    to_come = [phase["name"] for phase in rest]
    for phase in (first,):  # what versions to come may add or leave out
        phase["new"] = phase.pop("names")
    (output / "run.json").write_text(json.dumps({**value, "finished": False, "phases": [first], "to_come": to_come}))
    status = open_status(toy["output"])
    assert status.state in ("running", "stopped")  # this process has held the lock, and lives
    assert [phase.state for phase in status.phases[:2]] == ["done", "running"]
    assert (status.phases[1].name, status.phases[1].done) == ("judge", 2)
    assert [phase.name for phase in status.phases] == [first["name"], *to_come]
    assert status.quarantined == 1
    (output / LOCK_FILE).unlink()
    assert open_status(toy["output"]).state == "stopped"


def test_what_is_gone_is_named(toy: dict[str, Any], tmp_path: Path) -> None:
    run_inline(toy)
    output = Path(toy["output"])
    for file in (output / "judge").iterdir():
        file.unlink()
    (output / "judge").rmdir()
    status = open_status(toy["output"])
    assert status.problems == ["the folder judge is gone, with what the phase has made"]
    assert "makes them anew" in status.message
    (output / "run.json").unlink()
    assert open_status(toy["output"]).problems == ["run.json is gone, or was cut"]
    (output / STATUS_FILE).write_text("{")
    with pytest.raises(RunNotFoundError, match=r"was a run's, but its run.json is gone.*goes on from what is finished"):
        open_status(toy["output"])


def test_what_is_no_run_says_what_to_do(toy: dict[str, Any], tmp_path: Path) -> None:
    run_inline(toy)
    (tmp_path / "empty").mkdir()
    (tmp_path / "none.yaml").write_text("name: x")
    for place, message in (
        (tmp_path / "nothing", "isn't there: no run has begun in it; `dspipe run CONFIG` begins one"),
        (tmp_path / "empty", "is empty: no run has begun in it"),
        (tmp_path / "none.yaml", "is a file: give the directory that a config names under `output`"),
        (tmp_path / "out" / "judge", f"is a folder of the run {tmp_path / 'out'}: give that one"),
        (tmp_path, f"holds no run itself; runs in it: {tmp_path / 'out'}"),
        (tmp_path / "in", "holds no run (there is no run.json)"),
    ):
        with pytest.raises(RunNotFoundError) as error:
            open_status(str(place))
        assert message in str(error.value)


def test_few_requests_on_an_object_store(proxy: FaultyProxy, toy: dict[str, Any], tmp_path: Path) -> None:
    output = f"s3://bucket/{tmp_path.name}"
    run_inline(toy, output=output)
    store = Store(output)
    before = sum(proxy.requests.values())
    assert run_status(store).state == "finished"
    assert sum(proxy.requests.values()) - before <= 4
    value = json.loads(store.read_bytes(STATUS_FILE)) | {"state": "running"}
    store.write_bytes(STATUS_FILE, json.dumps(value).encode())
    store.write_bytes(".lease.json", of_far())
    before = sum(proxy.requests.values())
    assert run_status(store).state == "running"
    assert sum(proxy.requests.values()) - before == 2
    with pytest.raises(RunNotFoundError, match="holds no run"):
        open_status("s3://bucket/nothing")


def test_what_names_say_doesnt_reach_the_screen_as_it_is(toy: dict[str, Any]) -> None:
    run_inline(toy)
    said(Path(toy["output"]), state="failed", message="\x1b]0;title\x07 [red]x[/]", run="\x1b[31m")
    text = shown(open_status(toy["output"]))
    assert "\x1b]" not in text
    assert "[red]x[/]" in text


def test_values_of_later_versions_are_left_out() -> None:
    progress = RunProgress("x", "running", 1.0, 2.0, 2.0, "ann", "local", [PhaseProgress("documents")])
    value = {**progress.as_json(), "new": 1}
    value["phases"] = [{**asdict(PhaseProgress("documents")), "newer": 2}]
    assert RunProgress.from_json(value) == progress
