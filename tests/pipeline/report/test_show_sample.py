"""`dspipe plan --sample`: what is wrong with the records of a source is said before the run."""

import io
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from dspipe.pipeline.report.show_sample import print_sample
from dspipe.pipeline.run.sample import run_sample
from tests.engine import configured


def sampled(
    folder: Path, rows: dict[str, list[dict[str, Any]]], stage: dict[str, Any], records: int
) -> tuple[str, bool]:
    for name, records_of in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in records_of))
    sources = [{"name": name, "format": "jsonl", "path": str(folder / f"{name}.jsonl")} for name in rows]
    config = configured({"output": str(folder / "out"), "sources": sources, "stages": [stage]})
    shown = io.StringIO()
    with run_sample(config, records) as sample:
        whole = print_sample(sample, Console(file=shown, width=100))
        folder_of_sample = Path(sample.store.root)
        assert folder_of_sample.exists()
    assert not folder_of_sample.exists() and not (folder / "out").exists()
    return shown.getvalue(), whole


def test_what_looks_wrong_is_said(tmp_path: Path) -> None:
    rows: dict[str, list[dict[str, Any]]] = {
        "good": [{"text": f"long enough {n}"} for n in range(40)],
        "lacking": [{"text": "first of all"}] + [{"body": "x", "id": n} for n in range(40)],
        "empty": [{"text": "long enough" if n % 2 else ""} for n in range(40)],
        "short": [{"text": "ab"} for _ in range(40)],
    }
    shown, whole = sampled(tmp_path, rows, {"tests.toys.lengths": {"minimum": 5}}, 30)
    assert not whole
    assert [line.split() for line in shown.split("\n") if line.strip().startswith(tuple(rows))][:4] == [
        ["good", "30", "0", "0", "0", "30"],
        ["lacking", "30", "29", "0", "0", "1"],
        ["empty", "30", "0", "15", "15", "15"],
        ["short", "30", "0", "0", "30", "0"],
    ]
    notes = [line.removeprefix("note: ") for line in shown.split("\n") if line.startswith("note: ")]
    assert notes[:3] == [
        "lacking: 29 of 30 records are bad; 29 of them: no field 'text'; there are body, id",
        "empty: 15 of 30 texts are empty; is another field the text?",
        "short: lengths.too_short drops 30 of 30 documents; after a run `dspipe explain` shows why",
    ]
    assert notes[3:] == ["short: no document is kept"]


def test_a_sample_that_is_fine(tmp_path: Path) -> None:
    rows = {"a": [{"text": f"long enough {n}"} for n in range(9)]}
    shown, whole = sampled(tmp_path, rows, {"tests.toys.unique": {}}, 200)
    assert whole and "Nothing looks wrong" in shown


def test_a_stage_that_fails_is_named(tmp_path: Path) -> None:
    rows = {"a": [{"text": f"long enough {n}"} for n in range(9)]}
    shown, _ = sampled(tmp_path, rows, {"tests.toys.unique": {"lose": True}}, 200)
    assert "did not come to its end" in shown and "documents went in" in shown
