"""Slices of what a task was sent: everything, in order, each in its slice, and read only once."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.tasks.spill import received_slices


@given(
    st.lists(st.lists(st.integers(0, 2**63), max_size=20), max_size=5), st.integers(0, 4), st.sampled_from([1, 1 << 30])
)
def test_slices_hold_everything_in_order(senders: list[list[int]], slices: int, memory: int) -> None:
    batches = [(sender, pa.record_batch({"key": pa.array(keys, pa.uint64())})) for sender, keys in enumerate(senders)]
    sent = [item for item in batches if item[1].num_rows]
    task: Any = SimpleNamespace(memory=memory, received=lambda beside: iter(sent))

    def place(batch: pa.RecordBatch) -> Any:
        return batch.column(0).to_numpy() % np.uint64(slices)

    found = [
        [(sender, key) for sender, batch in part for key in batch.column(0).to_pylist()]
        for part in received_slices(task, slices, place)
    ]
    everything = [(sender, key) for sender, keys in enumerate(senders) for key in keys]
    wanted = max(1, slices)
    assert found == [[(s, key) for s, key in everything if wanted == 1 or key % wanted == n] for n in range(wanted)]


def test_what_was_sent_is_read_once_and_held_in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str | None] = []
    rows = 200_000

    def received(also: str | None) -> Iterator[tuple[int, pa.RecordBatch]]:
        reads.append(also)
        for sender in range(8):
            yield sender, pa.record_batch({"key": np.arange(rows, dtype=np.uint64) + np.uint64(sender)})

    task: Any = SimpleNamespace(memory=1 << 20, received=received)
    sizes, largest = [], 0
    for part in received_slices(task, 4, lambda batch: batch.column(0).to_numpy() % np.uint64(4), "beside"):
        found = [(sender, batch) for sender, batch in part]
        assert [sender for sender, _ in found] == sorted(sender for sender, _ in found)
        largest = max(largest, *(batch.nbytes for _, batch in found))
        sizes.append(sum(batch.num_rows for _, batch in found))
    assert reads == ["beside"]
    assert sizes == [2 * rows] * 4
    assert largest <= 2 << 20  # a message is of a segment of a MiB
