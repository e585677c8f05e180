"""`dspipe run`: what is refused before any work."""

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dspipe.cli import app
from tests.engine import write_config
from tests.pipeline.run.test_run import config, corpus


def test_a_port_that_is_taken_is_told_before_any_work(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    corpus(tmp_path / "in")
    file = write_config(tmp_path / "run.yaml", {"name": "x", "engine": "inline", **config(tmp_path)})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(app, ["run", str(file), "--metrics", port])
    assert done.exit_code == 2
    assert "Address already in use" in done.stderr.replace("\n", " ")
    assert not (tmp_path / "out").exists()
