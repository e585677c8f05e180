"""Ray: the same bytes, workers that die, a cluster that loses a node."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine import run_inline
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
def test_a_document_that_kills_its_worker_is_quarantined(tmp_path: Path) -> None:
    kill_workers("ray", tmp_path)


def test_a_cluster_that_loses_a_node_gives_the_same_bytes(many: dict[str, Any], tmp_path: Path) -> None:
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
    assert json.loads(done.stdout.splitlines()[-1]) == {"alive": 2, "without_cores": 1}
    assert hashes(str(tmp_path / "cluster")) == hashes(many["output"])
