"""What other settings would drop, against runs with them."""

import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.what_if import WhatIf
from tests.engine import rows_of, run_inline
from tests.stages.perplexity.test_stage import write_model

pytest.importorskip("kenlm", reason="the package kenlm is not installed")


def test_buckets_are_cut_again(tmp_path: Path) -> None:
    for language, worse in (("en", 0.0), ("de", 1.0)):
        write_model(tmp_path / "lm" / f"{language}.arpa", worse)
    documents = [
        {
            "id": f"{row}",
            "language": ("en", "de", "fr")[row % 3],
            "text": "The CAT " * (5 + row % 7) + "dog " * (row // 3),
        }
        for row in range(60)
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))

    def decided(name: str, minimum: int, **settings: Any) -> list[str | None]:
        stages = [
            {"tests.toys.lengths": {"minimum": minimum}},
            {"perplexity": {"models": str(tmp_path / "lm" / "{language}.arpa"), **settings}},
        ]
        sources = [{"name": "a", "format": "jsonl", "path": str(tmp_path / "in.jsonl"), "domain": "web"}]
        result = run_inline({"output": str(tmp_path / name), "sources": sources, "stages": stages})
        return [row["reason"] for row in rows_of(result, ["id", "reason"])]

    decided("run", 60, keep=["head"])
    what_if = WhatIf(DocumentTable.open(str(tmp_path / "run")), import_own=True)
    choices: list[tuple[int, dict[str, Any]]] = [
        (90, {"keep": ["head"]}),
        (40, {"keep": ["head", "middle"], "head": 0.2}),
        (60, {"keep": ["tail"]}),
    ]
    for number, (minimum, settings) in enumerate(choices):
        edits = [f"stages.perplexity.{name}={json.dumps(value)}" for name, value in settings.items()]
        verdicts = what_if.verdicts([f"stages.tests.toys.lengths.minimum={minimum}", *edits])
        found = [None if code < 0 else verdicts.names.names[code] for code in verdicts.codes.tolist()]
        assert found == decided(f"edited{number}", minimum, **settings)
        assert not verdicts.unsure.any() and len(set(found)) > 2
    (table,) = what_if.ask(["stages.perplexity.head=0.2"]).stages[0].tables.values()
    assert {row["language"] for row in table} == {"en", "de"}
    assert any(row["before"] != row["after"] for row in table)
