"""Verdicts of neighbouring stages: each judges what those before it have kept, and only its own domains."""

from pathlib import Path
from typing import Any

import pytest

from tests.engine import rows_of, run_inline
from tests.pipeline.run.test_run import config, corpus


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in", [["tiny", "a casino in town", "a longer text, casino", "a good long text"]])
    return config(tmp_path)


def judged(values: dict[str, Any], *stages: dict[str, Any]) -> tuple[list[str | None], list[Any]]:
    result = run_inline({**values, "stages": list(stages)})
    (phase,) = (phase for phase in result.phases if phase.name == "judge")
    return [row["reason"] for row in rows_of(result, ["reason"])], phase.funnel


def test_the_first_reason_stands(toy: dict[str, Any], tmp_path: Path) -> None:
    short, shorter = {"tests.toys.lengths": {"minimum": 17}}, {"heuristics": {"rules": ["gopher"]}}
    reasons, funnel = judged(toy, short, shorter)
    assert reasons == [
        "lengths.too_short",
        "lengths.too_short",
        "gopher.too_few_words",
        "lengths.too_short",
    ]
    assert [(entry.stage, entry.entered.documents, entry.kept.documents) for entry in funnel] == [
        ("lengths", 4, 1),
        ("heuristics", 1, 0),
    ]
    other, funnel = judged({**toy, "output": str(tmp_path / "other")}, shorter, short)
    assert other == ["gopher.too_few_words"] * 4
    assert [(entry.stage, entry.entered.documents) for entry in funnel] == [("heuristics", 4), ("lengths", 0)]


def test_a_stage_for_other_domains_keeps_all(toy: dict[str, Any]) -> None:
    reasons, funnel = judged(toy, {"tests.toys.lengths": {"minimum": 99, "domains": ["books"]}})
    assert reasons == [None] * 4
    assert funnel[0].kept.documents == 4
    assert funnel[0].domains["toys"].documents == 4
