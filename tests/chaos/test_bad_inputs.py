"""Hostile inputs, small: each is read or quarantined, and a run over one keeps its bounds and what lies beside it."""

from pathlib import Path

import pytest

from dspipe.kernels.jit import INTERPRETED
from dspipe.pipeline.config.discovery import source_class
from dspipe.testing import LocalReading
from tests.chaos.bad_inputs import GOOD, INPUTS, MEMORY, try_input
from tests.stages.sources.read_shard import read_all


@pytest.mark.parametrize("name", INPUTS)
def test_each_is_read_or_quarantined(name: str, tmp_path: Path) -> None:
    format, make = INPUTS[name]
    make(tmp_path / name, 1 / 2000)
    kind = source_class(format)
    settings = {"name": "s", "format": format, "path": "x", "max_document_bytes": 1 << 19}
    rows, reading = read_all(
        kind(kind.Config.model_validate(settings)), [tmp_path / name], LocalReading(memory=1 << 26)
    )
    # blank lines are no records
    assert rows or reading.quarantine or reading.counts or name == "newlines.jsonl.gz"


@pytest.mark.skipif(INTERPRETED, reason="minutes uncompiled")
def test_a_run_over_one_keeps_its_bounds(tmp_path: Path) -> None:
    result = try_input("html-formatting.warc.gz", tmp_path / "x", scale=1 / 8)
    assert result.wrong == ""
    assert result.outcome == "1 read, 0 quarantined"
    assert 0 < result.peak_bytes < MEMORY
    assert "html-formatting" in result.line() and GOOD > 0
