"""What other settings would drop, against runs with them."""

import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.what_if import WhatIf
from dspipe.pipeline.rejudging import NeedsRunError
from tests.engine import rows_of, run_inline
from tests.stages.hosts.test_stage import config

BEFORE: dict[str, Any] = {"drop": "pages >= 4 and dropped > 0.6", "max_pages": 9}
EDITS: list[tuple[int, dict[str, Any]]] = [
    (5, {"max_pages": 5}),
    (5, {"max_pages": None}),
    (15, {}),
    (1, {}),
    (5, {"drop": "dropped.lengths >= 0.5 and pages > 3"}),
    (16, {"drop": "mean.text_bytes > 11 or kept < 2", "mean": ["text_bytes"]}),
]


def test_hosts_are_judged_again(tmp_path: Path) -> None:
    values = config(tmp_path / "in", BEFORE, pages=100)
    run_inline(values)
    what_if = WhatIf(DocumentTable.open(values["output"]), import_own=True)
    seen: set[str | None] = set()
    for number, (minimum, edit) in enumerate(EDITS):
        edits = [f"stages.hosts.{name}={json.dumps(value)}" for name, value in edit.items()]
        verdicts = what_if.verdicts([f"stages.tests.toys.lengths.minimum={minimum}", *edits])
        assert not verdicts.unsure.any() and all(stage.exact for stage in verdicts.stages)
        found = [None if code < 0 else verdicts.names.names[code] for code in verdicts.codes.tolist()]
        stages = [{"tests.toys.lengths": {"minimum": minimum}}, {"hosts": {**BEFORE, **edit}}]
        result = run_inline({**values, "stages": stages, "output": str(tmp_path / f"edited{number}")})
        assert found == [row["reason"] for row in rows_of(result, ["id", "reason"])], edit
        seen |= set(found)
    assert seen >= {"hosts.dropped", "hosts.too_many_pages"}
    with pytest.raises(NeedsRunError, match="the run has no column"):
        what_if.verdicts(['stages.hosts.mean=["quality"]'])
