"""Slices of what a task was sent: everything, in order, each in its slice."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.storage.spill import received_slices


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
