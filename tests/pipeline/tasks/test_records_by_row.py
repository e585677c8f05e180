from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.tasks import records_by_row as by_row
from dspipe.pipeline.tasks.records_by_row import RecordsByRow

SCHEMA = pa.schema({"row": pa.uint32(), "value": pa.uint64(), "names": pa.list_(pa.string())})


class Sent:
    """A task that counts how often its records are read."""

    def __init__(self, rows: list[int], memory: int) -> None:
        self.memory, self.reads, self.largest = memory, 0, 0
        values = [{"row": row, "value": place, "names": [str(row)]} for place, row in enumerate(rows)]
        self.batches = [pa.RecordBatch.from_pylist(values[i : i + 7], SCHEMA) for i in range(0, len(values), 7)]

    @property
    def received_bytes(self) -> int:
        return sum(batch.nbytes for batch in self.batches)

    def received(self) -> Any:
        self.reads += 1
        return enumerate(self.batches)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 60), max_size=80),
    st.lists(st.integers(0, 70), min_size=2, max_size=8).map(sorted),
    st.sampled_from([1, 500, 1 << 20]),
    st.sampled_from([1, 4, 1 << 13]),
)
def test_by_row_whatever_the_memory(rows: list[int], cuts: list[int], memory: int, step: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_row, "_COUNTED_ROWS", step)
        found = RecordsByRow(Sent(rows, memory), SCHEMA)  # type: ignore[arg-type]
        for first, end in pairwise(cuts):
            expected = sorted((row, place) for place, row in enumerate(rows) if first <= row < end)
            table = found.between(first, end).to_pydict()
            assert list(zip(table["row"], table["value"], strict=True)) == expected
            assert table["names"] == [[str(row)] for row, _ in expected]


def test_what_is_held_fits_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_row, "_COUNTED_ROWS", 10)
    task = Sent(np.random.default_rng(1).permutation(4000).tolist(), 100_000)
    found = RecordsByRow(task, SCHEMA)  # type: ignore[arg-type]
    held = []
    for first in range(0, 4000, 20):
        assert found.between(first, first + 20).num_rows == 20
        held.append(found._held.nbytes)
    assert max(held) <= 1.1 * 100_000 / 8  # the offsets of lists are the reader's own
    assert 4 < task.reads < 30


def test_no_records() -> None:
    task = SimpleNamespace(memory=1000, received_bytes=0, received=lambda: iter(()))
    found = RecordsByRow(task, SCHEMA)  # type: ignore[arg-type]
    assert found.between(0, 10).num_rows == 0
    assert found.between(10, 1 << 20).schema == SCHEMA
