"""What a chain of measures does before there is a document."""

from typing import Any

import pyarrow as pa
import pytest

from dspipe.pipeline.document import example_batch
from dspipe.pipeline.tasks import measure_chain
from dspipe.pipeline.tasks.measure_chain import MeasureChain
from tests.toys.lengths import Lengths

DESCRIPTION: dict[str, Any] = {"stage": "tests.toys.lengths", "config": {}, "fields": ["unit"]}


def test_kernels_are_compiled_once_in_a_process_before_a_deadline_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    measure = Lengths.measure

    def spied(self: Lengths, batch: pa.RecordBatch) -> pa.RecordBatch:
        seen.append(batch.num_rows)
        return measure(self, batch)

    monkeypatch.setattr(Lengths, "measure", spied)
    monkeypatch.setattr(measure_chain, "_compiled", set())
    MeasureChain([DESCRIPTION], 0).set_up()
    assert seen == [0, example_batch().num_rows]
    MeasureChain([DESCRIPTION], 0).set_up()
    assert seen[2:] == [0]


def test_a_stage_that_fails_for_the_example_may_do_for_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = Lengths.measure

    def picky(self: Lengths, batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.num_rows == example_batch().num_rows:
            raise ValueError("two at a time")
        return measure(self, batch)

    monkeypatch.setattr(Lengths, "measure", picky)
    monkeypatch.setattr(measure_chain, "_compiled", set())
    chain = MeasureChain([DESCRIPTION], 0)
    chain.set_up()
    assert chain.measure(example_batch().slice(0, 1)).num_rows == 1
