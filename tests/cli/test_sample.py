"""`dspipe sample`: what it prints and writes, and what it refuses."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from dspipe.cli import app
from tests.engine import run_inline
from tests.pipeline.inspection.looked_at import looked_at


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    config = looked_at(tmp_path_factory.mktemp("run"))
    run_inline(config)
    return str(config["output"])


def asked(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["sample", *arguments])
    assert done.exit_code == code, done.output
    return done


def test_the_terminal(run: str) -> None:
    lines = asked(run, "--near", "heuristics.gopher.min_words", "-n", "1", "--length", "20").stdout.split("\n")
    assert lines[0] == "Just outside heuristics.gopher.min_words, nearest first: 1 of 39 documents"
    assert "  dropped by heuristics: gopher.too_few_words" in lines
    assert "    heuristics.words 19: asked is at least 20" in lines
    assert "    heuristics.words 20: asked is at least 20, met" in lines
    assert any(line.startswith("    word0x") and "characters)" in line for line in lines)
    assert asked(run, "--where", "heuristics.words > 9999").stdout == "No document is like that.\n"


def test_json_lines_and_files(run: str, tmp_path: Path) -> None:
    wanted = (run, "--dropped-by", "exact_dedup", "--by", "domain", "-n", "2")
    rows = [json.loads(line) for line in asked(*wanted, "--json").stdout.splitlines()]
    assert {(row["stage"], row["reason"]) for row in rows} == {("exact_dedup", "exact_dedup.duplicate")}
    assert {row["stratum"]["domain"] for row in rows} == {"d0", "d1"}
    for file in (tmp_path / "a.jsonl", tmp_path / "a.parquet"):
        asked(*wanted, "--output", str(file))
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == rows
    table = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert [(row["id"], row["text"], row["number"]) for row in table] == [
        (row["id"], row["text"], row["number"]) for row in rows
    ]


def test_the_quarantine(run: str) -> None:
    shown = asked(run, "--quarantined", "--by", "stage").stdout
    assert shown.startswith("stage read: 3 of 3 documents")
    assert "quarantined by read" in shown and "line 41" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kept", "--dropped-by", "heuristics"], "a document is one or the other"),
        (["--quarantined", "--kept"], "bad records have no columns"),
        (["--by", "domein"], "did you mean domain?"),
        (["--where", "domain > 3"], "domain is text, 3 is a number"),
        (["--where", "domain = 'd0'; select 1"], "more than one statement"),
        (["--near", "heuristics.gopher.max_words"], "is off in this run"),
        (["--output", "a.csv"], "must end in .jsonl or .parquet"),
        (["--output", "/nowhere/a.jsonl"], "cannot write /nowhere/a.jsonl"),
    ],
)
def test_mistakes(run: str, arguments: list[str], said: str) -> None:
    assert said in asked(run, *arguments, code=2).output


def test_what_is_no_run(tmp_path: Path) -> None:
    assert "holds no run" in asked(str(tmp_path), code=2).output


def test_a_run_that_is_half_deleted(tmp_path: Path) -> None:
    config = looked_at(tmp_path)
    run_inline(config)
    gone = sorted((tmp_path / "out").glob("exact_dedup.verdicts/*.parquet"))[0]
    gone.unlink()
    said = asked(str(tmp_path / "out"), code=1).output
    assert f"{gone.name} is gone; `dspipe run` with the run's config makes it anew" in said
    (tmp_path / "out" / "config.yaml").unlink()
    assert "is gone" in asked(str(tmp_path / "out"), code=2).output
