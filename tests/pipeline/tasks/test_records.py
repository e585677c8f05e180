"""Records between phases: where they go, and that those of one key are received together."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.tasks.records import murmur_hash64, partition_of, read_kept_rows, read_partition


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50), st.sampled_from([1, 8, 13, 4096]))
def test_spread_is_by_the_upper_half_of_the_hash(keys: list[int], partitions: int) -> None:
    found = partition_of(np.array(keys, np.uint64), partitions)
    assert found.tolist() == [(key >> 32) * partitions >> 32 for key in keys]
    assert found.min() >= 0 and found.max() < partitions


def test_mixed_numbers_are_spread_evenly_and_none_is_lost() -> None:
    found = murmur_hash64(np.arange(40_000, dtype=np.uint64) | np.uint64(3 << 32))
    assert len(np.unique(found)) == 40_000
    counts = np.bincount(partition_of(found, 16))
    assert counts.min() > 2300 and counts.max() < 2700  # 2500 and four standard deviations


def test_rows_that_are_kept_have_their_numbers_in_the_shard() -> None:
    reasons: list[list[str | None]] = [[None, "a", None], ["a"], [], [None]]
    batches = [
        pa.record_batch({"reason": pa.array(part, pa.string()), "id": [f"{n}-{i}" for i in range(len(part))]})
        for n, part in enumerate(reasons)
    ]
    task: Any = SimpleNamespace(rows=lambda columns: iter(batches))
    found = [(rows.tolist(), batch.column("id").to_pylist()) for rows, batch in read_kept_rows(task, ["id"])]
    assert found == [([0, 2], ["0-0", "0-2"]), ([], []), ([], []), ([4], ["3-0"])]


class Sent:
    """A task that was sent records, and what they take."""

    def __init__(self, batches: list[tuple[int, pa.RecordBatch]], memory: int) -> None:
        self.batches, self.memory = batches, memory
        self.received_bytes = sum(batch.nbytes for _, batch in batches)

    def received(self, also: str | None = None) -> Any:
        return iter(self.batches)


KEYED = st.lists(
    st.lists(
        st.tuples(st.integers(0, 5).map(lambda n: n * 0x9E3779B97F4A7C15 % 2**64), st.integers(0, 99)), max_size=9
    ),
    max_size=4,
)


@settings(deadline=None)
@given(KEYED, st.sampled_from([100, 1 << 30]))
def test_received_records_keep_their_signatures(senders: list[list[tuple[int, int]]], memory: int) -> None:
    batches = []
    for sender, records in enumerate(senders):
        signed = [np.array([key & 0xFFFFFFFF, row], np.uint32).tobytes() for key, row in records]
        columns = {
            "row": pa.array([row for _, row in records], pa.uint32()),
            "key": pa.array([key for key, _ in records], pa.uint64()),
            "signature": pa.array(signed, pa.binary(8)),
        }
        batches.append((sender, pa.record_batch(columns)))
    task: Any = Sent([item for item in batches if item[1].num_rows], memory)
    found, seen = [], set[int]()
    for part in read_partition(task, "key", "signature"):
        keys = part.numbers("key")
        assert not seen & set(keys.tolist())
        seen |= set(keys.tolist())
        assert len(part) == len(keys) == len(part.signatures)
        found += list(zip(part.documents.tolist(), keys.tolist(), part.signatures.tolist(), strict=True))
    expected = [
        (sender << 32 | row, key, [key & 0xFFFFFFFF, row])
        for sender, records in enumerate(senders)
        for key, row in records
    ]
    assert sorted(found) == sorted(expected)
