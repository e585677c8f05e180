"""What other settings would drop, against runs with them."""

import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.what_if import WhatIf
from dspipe.pipeline.rejudging import NeedsRunError
from tests.engine import rows_of, run_inline
from tests.stages.ensemble.test_stage import config

BEFORE: dict[str, Any] = {"of": ["a", "b"], "within": ["topic"], "buckets": 5, "keep_from": 2}
EDITS: list[tuple[int, dict[str, Any]]] = [
    (5, {"keep_from": 4}),
    (5, {"buckets": 7, "keep_from": 3}),
    (30, {}),
    (2, {"how": "mean"}),
    (20, {"how": "weighted", "weights": [3, 1], "within": []}),
    (5, {"of": ["b"], "unit": "documents"}),
    (5, {"keep_from": None}),
]


def ask(what_if: WhatIf, minimum: int, edit: dict[str, Any]) -> list[str | None]:
    edits = [f"stages.ensemble.{name}={json.dumps(value)}" for name, value in edit.items()]
    verdicts = what_if.verdicts([f"stages.tests.toys.lengths.minimum={minimum}", *edits])
    assert not verdicts.unsure.any()
    assert all(stage.exact for stage in verdicts.stages)
    return [None if code < 0 else verdicts.names.names[code] for code in verdicts.codes.tolist()]


def test_ranks_are_made_again(tmp_path: Path) -> None:
    values = config(tmp_path / "in", BEFORE, 150)
    run_inline(values)
    what_if = WhatIf(DocumentTable.open(values["output"]), import_own=True)
    for number, (minimum, edit) in enumerate(EDITS):
        found = ask(what_if, minimum, edit)
        stages = [{"tests.toys.lengths": {"minimum": minimum}}, {"ensemble": {**BEFORE, **edit}}]
        result = run_inline({**values, "stages": stages, "output": str(tmp_path / f"edited{number}")})
        assert found == [row["reason"] for row in rows_of(result, ["id", "reason"])], edit
    with pytest.raises(NeedsRunError, match="the run has no column"):
        ask(what_if, 5, {"of": ["c"]})


def test_tokens_that_nobody_has_counted_are_an_estimate(tmp_path: Path) -> None:
    stages = [{"tests.toys.lengths": {"minimum": 30}}, {"ensemble": {**BEFORE, "unit": "tokens"}}]
    tokenizer = {"tokenizer": {"train": {"vocab": 300, "special": 3, "pad_to": 320, "sample_bytes": 100_000}}}
    values = {**config(tmp_path / "in", BEFORE, 150), "stages": [*stages, tokenizer]}
    run_inline(values)
    what_if = WhatIf(DocumentTable.open(values["output"]), import_own=True)
    verdicts = what_if.verdicts(["stages.tests.toys.lengths.minimum=10"])
    assert verdicts.unsure.any()
    (remark,) = [remark for stage in verdicts.stages for remark in stage.remarks if "ranks" in remark]
    assert "that come in are an estimate, so the ranks are one too" in remark
