"""`import dspipe`: what it exports, and that it is light."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import dspipe
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import RunFailedError, RunNotFoundError
from dspipe.pipeline.report.stats import print_stats

EXPORTED = {"PackedDataset", "Run", "__version__", "open_run", "plan", "run", "testing"}


def test_what_it_exports_is_what_it_says() -> None:
    assert set(dspipe.__all__) == EXPORTED
    for name in EXPORTED:
        value = getattr(dspipe, name)
        assert name == "__version__" or value.__doc__, f"{name} says nothing of itself"
    assert set(dir(dspipe)) > EXPORTED
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dspipe.nothing


def test_it_is_imported_without_anything_heavy() -> None:
    code = (
        "import dspipe, sys; print([m for m in ('numpy', 'pyarrow', 'numba', 'ray', 'pydantic') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_run_plan_and_open(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": f"text {n}"}) + "\n" for n in range(3)))
    values = {
        "name": "face",
        "output": str(tmp_path / "out"),
        "engine": "inline",
        "sources": [{"name": "s", "format": "jsonl", "path": str(tmp_path / "in.jsonl")}],
        "stages": [{"tests.toys.lengths": {"minimum": 5}}],
    }
    assert [phase.name for phase in dspipe.plan(values).phases] == [
        "documents",
        "judge",
        "name_index.send",
        "name_index.sort",
    ]
    run = dspipe.run(values)
    assert run.finished and run.name == "face"
    assert run.funnel[0].kept.documents == 3
    assert dspipe.open_run(tmp_path / "out").file == run.file
    stricter = dspipe.run(values, ["stages.tests.toys.lengths.minimum=7"])
    assert stricter.funnel[0].dropped["lengths.too_short"].documents == 3
    (story,) = stricter.explain(_first_id(stricter))
    assert story.verdict() == "dropped by judge: lengths.too_short"
    assert stricter.verify().problems == []
    assert values["output"] == str(tmp_path / "out")  # the values that were given are left alone
    with pytest.raises(InvalidConfigError, match="unknown key"):
        dspipe.run({**values, "stagse": []})
    with pytest.raises(RunNotFoundError):
        dspipe.open_run(tmp_path / "nothing")


def test_a_run_that_has_just_begun_can_be_looked_at(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": 3}\n')
    values = {
        "name": "begun",
        "output": str(tmp_path / "out"),
        "engine": "inline",
        "sources": [{"name": "s", "format": "jsonl", "path": str(tmp_path / "in.jsonl")}],
        "stages": ["tests.toys.lengths"],
    }
    with pytest.raises(RunFailedError, match="1 of 1 records are bad"):
        dspipe.run(values)
    begun = dspipe.open_run(tmp_path / "out")
    assert not begun.finished and begun.file.to_come == ["documents", "judge", "name_index.send", "name_index.sort"]
    shown = io.StringIO()
    print_stats(begun.file, Console(file=shown, width=80))
    assert "1 shards, not finished; to come: documents, judge" in shown.getvalue()


def _first_id(run: dspipe.Run) -> str:
    import pyarrow.parquet as pq

    name = run.store.read_json(run.file.phases[0].manifests[0])["columns"]["id"][0]
    return str(pq.read_table(run.store.path(name), columns=["id"]).column("id")[0])


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "dspipe", "--help"], capture_output=True, text=True, check=True)
    assert "pretraining data pipeline" in done.stdout
