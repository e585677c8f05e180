"""What a phase needs, gives and decides."""

from typing import Any

import pytest

from dspipe.pipeline.plan.planned_phase import PlannedPhase


def phase(over: Any = "shards", **fields: Any) -> PlannedPhase:
    return PlannedPhase("p", over, "P", ("p",), "", {}, {}, **fields)


def test_needs_and_gives() -> None:
    full = phase(
        columns=("id", "reason"),
        all_shards_columns=("size",),
        exchange="keys",
        also_receives=("more",),
        artifacts=("model",),
        own_artifacts=("ids",),
        written=("reason", "p.x"),
        makes_artifacts=("report",),
        emits="sent",
    )
    assert full.needs() == {"id", "size", "artifact model", "artifact ids", "exchange keys", "exchange more"}
    assert full.gives() == {"reason", "p.x", "artifact report", "exchange sent"}
    assert full.receives() == ("keys", "more")
    assert phase().needs() == phase().gives() == set()


@pytest.mark.parametrize(
    ("over", "written", "decides"),
    [("shards", ("reason", "x"), True), ("shards", ("x",), False), ("inputs", ("reason",), False)],
)
def test_decisions_are_on_documents_that_are_there_already(over: str, written: tuple[str, ...], decides: bool) -> None:
    assert phase(over, written=written).decides == decides
