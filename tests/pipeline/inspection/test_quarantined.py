"""Samples of the quarantine."""

from pathlib import Path
from typing import Any

from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.quarantined import sample_quarantined
from tests.engine import run_inline
from tests.pipeline.run.test_run import config, corpus


def test_records_with_their_errors_and_first_bytes(toy: dict[str, Any]) -> None:
    run_inline(toy)
    table = DocumentTable.open(toy["output"])
    (document,) = sample_quarantined(table, 5).documents
    assert (document.id, document.verdict, document.stage) == ("0-1", "quarantined", "lengths")
    assert "this text can't be measured" in (document.reason or "")
    assert document.text == "do RAISE here"
    assert "line 2" in document.text_is


def test_a_seeded_few_by_stage(tmp_path: Path) -> None:
    corpus(tmp_path / "in", [[f"RAISE {n}" for n in range(6)], ["fine"]])
    (tmp_path / "in" / "1.jsonl").write_text('{"id": 1, "tex\n{"id": 2, "te\n{"id": "a", "text": "fine"}\n')
    settings = config(tmp_path)
    run_inline({**settings, "engine": {"kind": "inline", "max_quarantined": 1}})
    table = DocumentTable.open(settings["output"])
    found = sample_quarantined(table, 2, by_stage=True)
    assert {part.stratum["stage"]: (part.of, len(part.documents)) for part in found.parts} == {
        "lengths": (6, 2),
        "read": (2, 2),
    }
    ids = [d.id for d in sample_quarantined(table, 3).documents]
    assert ids == [d.id for d in sample_quarantined(table, 8).documents][:3]
    assert any([d.id for d in sample_quarantined(table, 3, seed).documents] != ids for seed in range(1, 5))
