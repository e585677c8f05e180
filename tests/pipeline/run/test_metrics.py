"""Metrics of Prometheus: what they say, ports that are taken, and the board in docs/."""

import json
import re
import socket
import sys
import urllib.request
from pathlib import Path

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.run.account import RunAccount
from dspipe.pipeline.run.executors import make_executor
from dspipe.pipeline.run.metrics import parse_address, serving
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.run.run import run_plan
from dspipe.pipeline.run.run_progress import PhaseProgress, RunProgress
from tests.engine import planned
from tests.pipeline.run.test_run import config, corpus

BOARD = Path(__file__).parents[3] / "docs" / "grafana.json"
PHASE = PhaseProgress(
    "documents", "", "running", 4, 2, 1, 1, 0.6, 10, None, None, 500, 2.0, 100.0, 5.0, 7.5, {"crash": 3}, 2, 1
)
SAID = RunProgress("crawl", "running", 100.0, 160.0, 2.0, "ann", "local", [PHASE, PhaseProgress("judge")], 1, 1 << 20)


def scraped(port: int) -> dict[str, float]:
    """Each metric with its labels, and its value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
    }


@pytest.fixture
def metrics() -> dict[str, float]:
    pytest.importorskip("prometheus_client")
    with serving("0", lambda: SAID) as port:
        return scraped(port)


def test_what_the_driver_says(metrics: dict[str, float]) -> None:
    run, documents = '{run="crawl"}', '{phase="documents",run="crawl"}'
    assert metrics[f"dspipe_run_seconds{run}"] == 60
    assert metrics[f"dspipe_workers{run}"] == 1
    assert metrics[f"dspipe_driver_memory_bytes{run}"] == 1 << 20
    assert (metrics[f"dspipe_phases{run}"], metrics[f"dspipe_phases_done{run}"]) == (2, 0)
    for name, value in (
        ("phase_tasks", 4), ("phase_tasks_done", 2), ("phase_tasks_running", 1), ("phase_share", 0.6),
        ("phase_seconds_left", 7.5), ("documents_total", 10), ("bytes_total", 500), ("task_retries_total", 2),
        ("quarantined_records", 1),
    ):  # fmt: skip
        assert metrics[f"dspipe_{name}{documents}"] == value, name
    assert metrics['dspipe_task_failures_total{kind="crash",phase="documents",run="crawl"}'] == 3
    assert 'dspipe_phase_seconds_left{phase="judge",run="crawl"}' not in metrics


def test_every_metric_of_the_board_is_there(metrics: dict[str, float]) -> None:
    board = json.loads(BOARD.read_text("utf-8"))
    expressions = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    named = {name for one in expressions for name in re.findall(r"\bdspipe_\w+", one)}
    names = {name.partition("{")[0] for name in metrics}
    assert named
    assert named <= names
    # and all that there is can be seen on the board
    assert names - named <= {"dspipe_phase_tasks_running"}
    variables = re.findall(r"label_values\((\w+), \w+\)", json.dumps(board["templating"]))
    assert variables
    assert set(variables) <= names


def test_of_a_run(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    corpus(tmp_path / "in", [["alpha one", "do RAISE here", "abc"], ["alpha one", "beta two"]])
    plan = planned(config(tmp_path))
    account = RunAccount(plan, LogProgress())
    with serving("127.0.0.1:0", account.progress) as port:
        before = scraped(port)
        assert before['dspipe_phase_tasks{phase="documents",run="test"}'] == 2
        run_plan(plan, make_executor(plan.config.engine), account)
        after = scraped(port)
    assert after['dspipe_documents_total{phase="documents",run="test"}'] == 5
    assert after['dspipe_quarantined_records{phase="documents",run="test"}'] == 1
    assert after['dspipe_phases_done{run="test"}'] == len(plan.phases)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = f"cannot listen on 127.0.0.1, port {port}: Address already in use"
        with pytest.raises(ConfigError, match=said), serving(str(port), lambda: SAID):
            pass


@pytest.mark.parametrize("text", ["", "x", "host:", "70000", "-1", "host:1x", "٣"])
def test_no_address(text: str) -> None:
    with pytest.raises(ConfigError, match="expected a port, like 9300"):
        parse_address(text)


def test_addresses() -> None:
    assert parse_address("9300") == ("127.0.0.1", 9300)
    assert parse_address("0.0.0.0:9300") == ("0.0.0.0", 9300)
    assert parse_address("[::1]:9300") == ("::1", 9300)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigError, match=r"pip install 'dspipe\[metrics\]'"), serving("0", lambda: SAID):
        pass
