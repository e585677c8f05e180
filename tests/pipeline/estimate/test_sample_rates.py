"""Rates from a sample: those of its text pass, the others as they were."""

import json
from pathlib import Path
from typing import Any

import pytest

from dspipe import api
from dspipe.pipeline.estimate.estimate import estimate
from dspipe.pipeline.estimate.rates import shipped_rates
from dspipe.pipeline.estimate.sample_rates import rates_of_sample
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.run import compile_kernels, sample
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
    with run_sample(planned.config, 50) as tried:
        assert tried.run is not None
        rates = rates_of_sample(tried.run, planned, base)
    assert rates.phases == base.phases
    assert rates.stages.keys() == {"lines", "exact_dedup"}
    assert rates.text_per_document == pytest.approx(len(lines) / 200, rel=0.1)
    assert "50 documents of the sample" in rates.measured
    assert estimate(planned, rates, 1).no_rate == ()


def test_compiling_is_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_kernels, "cache_folder", lambda: tmp_path)
    (tmp_path / "a.jsonl").write_text('{"text": "a text"}\n')
    source = {"name": "made", "format": "jsonl", "path": f"{tmp_path}/*.jsonl"}
    planned = api.plan({"name": "x", "output": f"{tmp_path}/out", "sources": [source], "stages": ["exact_dedup"]})
    compiled: list[bool] = []

    def run_plan(plan: Plan, *_: Any) -> None:
        compiled.extend(compile_kernels.compiled_before(spec) for spec in compile_kernels.compile_specs(plan))

    monkeypatch.setattr(sample, "run_plan", run_plan)
    with run_sample(planned.config, 1):
        assert compiled == [True]
