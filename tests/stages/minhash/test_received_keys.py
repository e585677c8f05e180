"""The band keys of a partition: all, and those of a key together."""

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.minhash.received_keys import read_keys
from tests.pipeline.tasks.test_records import KEYED, Sent


@settings(deadline=None)
@given(KEYED, st.sampled_from([200, 2000, 1 << 30]))
def test_a_keys_records_are_in_one_slice(senders: list[list[tuple[int, int]]], memory: int) -> None:
    batches = [
        (
            sender,
            pa.record_batch(
                {
                    "key": pa.array([key for key, _ in records], pa.uint64()),
                    "row": pa.array([row for _, row in records], pa.uint32()),
                }
            ),
        )
        for sender, records in enumerate(senders)
        if records
    ]
    task: Any = Sent(batches, memory)
    everything: dict[int, list[int]] = {}
    for keys, documents in read_keys(task):
        assert not everything.keys() & set(keys.tolist())
        for key, document in zip(keys.tolist(), documents.tolist(), strict=True):
            everything.setdefault(key, []).append(document)
    expected: dict[int, list[int]] = {}
    for sender, records in enumerate(senders):
        for key, row in records:
            expected.setdefault(key, []).append(sender << 32 | row)
    assert everything == expected
