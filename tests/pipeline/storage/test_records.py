from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.doc_id import shards_of, split
from dspipe.pipeline.storage.records import (
    hash64,
    partition_of,
    read_partition,
    record_batch,
    slice_of,
    slices_that_fit,
)
from tests.stages.partition_task import PartitionTask

UINT64 = st.integers(0, 2**64 - 1)
RECORDS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 1000)), max_size=60)


def finalized(x: int) -> int:
    """The finalizer of MurmurHash3, for 64 bits."""
    x ^= x >> 33
    x = x * 0xFF51AFD7ED558CCD % 2**64
    x ^= x >> 33
    x = x * 0xC4CEB9FE1A85EC53 % 2**64
    return x ^ x >> 33


@given(st.lists(UINT64), st.integers(1, 1 << 16))
def test_hashes_and_their_partitions(numbers: list[int], partitions: int) -> None:
    hashes = hash64(np.array(numbers, np.uint64))
    assert hashes.tolist() == [finalized(number) for number in numbers]
    found = partition_of(np.sort(hashes), partitions).tolist()
    assert found == sorted(found) and all(0 <= partition < partitions for partition in found)
    assert found == [(number >> 32) * partitions >> 32 for number in np.sort(hashes).tolist()]
    assert all(0 <= number < partitions for number in slice_of(hashes, partitions).tolist())


@settings(deadline=None)
@given(RECORDS, st.sampled_from([1, 200, 1000, 1 << 20]), st.sampled_from([4, 8]))
def test_a_partition_comes_in_slices_that_no_value_is_cut_by(
    records: list[tuple[int, int, int]], memory: int, share: int
) -> None:
    sent = []
    for sender in sorted({sender for sender, _, _ in records}):
        rows = [(key, row) for other, key, row in records if other == sender]
        keys, numbers = np.array(rows, np.uint64).reshape(-1, 2).T
        signed = pa.array([bytes([int(key), 0, 0, 0] * 2) for key in keys], pa.binary(8))
        values = {"key": keys, "row": numbers.astype(np.uint32), "signature": signed}
        sent.append((sender, record_batch(values)))
    task = PartitionTask(sent, memory)
    slices = list(read_partition(task.task, "key", "signature", share))
    found: list[Any] = []
    for part in slices:
        keys = part.numbers("key")
        assert part.signatures.tolist() == [[key, key] for key in keys.tolist()]
        assert (np.diff(shards_of(part.documents).astype(np.int64)) >= 0).all()
        found += [(*split(document), key) for document, key in zip(part.documents.tolist(), keys.tolist(), strict=True)]
    assert sorted(found) == sorted((sender, row, key) for sender, key, row in records)
    each = [set(part.numbers("key").tolist()) for part in slices]
    assert sum(map(len, each)) == len(set().union(*each))
    assert slices_that_fit(task.task, share=share) == -(-task.received_bytes * share // memory)
