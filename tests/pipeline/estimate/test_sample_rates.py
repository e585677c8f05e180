"""Rates from a sample: those of its text pass, the others as they were."""

import json
from pathlib import Path
from typing import Any

import pytest

from dspipe import api
from dspipe.pipeline.estimate.estimate import estimate
from dspipe.pipeline.estimate.rates import shipped_rates
from dspipe.pipeline.estimate.sample_rates import rates_of_sample
from dspipe.pipeline.run.sample import run_sample


def test_a_sample_says_what_its_own_texts_take(tmp_path: Path) -> None:
    lines = "".join(
        json.dumps({"text": f"{n} is a number with some words behind it. " * 20}) + "\n" for n in range(200)
    )
    (tmp_path / "a.jsonl").write_text(lines)
    source = {"name": "made", "format": "jsonl", "path": f"{tmp_path}/*.jsonl"}
    stages: list[dict[str, Any]] = [{"lines": {}}, {"exact_dedup": {}}]
    planned = api.plan({"name": "x", "output": f"{tmp_path}/out", "sources": [source], "stages": stages})
    base = shipped_rates()
    with run_sample(planned.config, 50) as sample:
        assert sample.run is not None
        rates = rates_of_sample(sample.run, planned, base)
    assert rates.phases == base.phases
    assert rates.stages.keys() == {"lines", "exact_dedup"}
    assert rates.text_per_document == pytest.approx(len(lines) / 200, rel=0.1)
    assert "50 documents of the sample" in rates.measured
    assert estimate(planned, rates, 1).no_rate == ()
