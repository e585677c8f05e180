"""`dspipe export`: what it prints, and exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dspipe.cli import app
from tests.engine import run_inline


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("run")
    (folder / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in ("long enough", "no")))
    source = {"name": "s", "format": "jsonl", "path": str(folder / "in.jsonl")}
    run_inline({"output": str(folder / "run"), "sources": [source], "stages": ["tests.toys.lengths"]})
    return folder / "run"


def test_it_says_what_it_has_written(run: Path, tmp_path: Path) -> None:
    command = [
        "export",
        str(run),
        str(tmp_path / "out"),
        "--format",
        "jsonl",
        "--columns",
        "text, id",
        "--file-size",
        "5MB",
    ]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "1 documents, 11 B of text, 1 files" in done.output
    again = CliRunner().invoke(app, command)
    assert "1 of 1 shards were there before" in again.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--columns", "txt"], "there is no column txt; did you mean text"),
        (["--where", "text ="], "isn't a condition"),
        (["--file-size", "5 apples"], "--file-size: expected a size"),
        (["--file-size", "-3"], "--file-size: expected a size"),
    ],
)
def test_mistakes_are_exit_code_2(run: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["export", str(run), str(tmp_path / "out"), *arguments])
    assert done.exit_code == 2 and message in done.output


def test_what_is_no_run_is_exit_code_2(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", str(tmp_path), str(tmp_path / "out")])
    assert done.exit_code == 2 and "holds no run" in done.output
