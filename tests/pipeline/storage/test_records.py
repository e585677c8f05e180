"""Records between phases: where they go, how many partitions there are, and that a key's are together."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.stage import Corpus
from dspipe.pipeline.storage.records import (
    LEAST_PARTITIONS,
    MOST_PARTITIONS,
    combined,
    key_slices,
    mixed,
    partitions_for,
    received,
    record_batch,
    rows_kept,
    spread,
)
from dspipe.stages.shared.dedup.keep_policy import KeepConfig, KeepPolicy


def corpus(documents: int, memory: int = 2 << 30, shards: int = 1000) -> Corpus:
    return Corpus(shards=shards, input_bytes=0, documents=documents, memory=memory, stages=())


def test_partitions_fit_an_eighth_of_the_memory() -> None:
    assert partitions_for(corpus(0), 100) == LEAST_PARTITIONS
    for documents in (10**6, 10**8, 10**9):
        found = partitions_for(corpus(documents), 100)
        assert documents * 100 / found <= (2 << 30) / 8 or found == MOST_PARTITIONS
        assert found & (found - 1) == 0  # a power of two: it seldom changes as dumps are added
    assert partitions_for(corpus(10**10, shards=10**6), 100) == MOST_PARTITIONS
    # more than MOST_PARTITIONS only where a shard still has 32 documents for each
    assert partitions_for(corpus(10**10, memory=1 << 28, shards=10**4), 100) == 16384
    assert 10**10 / 10**4 / 16384 >= 32


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50), st.sampled_from([1, 8, 13, 4096]))
def test_spread_is_by_the_upper_half_of_the_hash(keys: list[int], partitions: int) -> None:
    found = spread(np.array(keys, np.uint64), partitions)
    assert found.tolist() == [(key >> 32) * partitions >> 32 for key in keys]
    assert found.min() >= 0 and found.max() < partitions


def test_mixed_numbers_are_spread_evenly_and_none_is_lost() -> None:
    found = mixed(np.arange(40_000, dtype=np.uint64) | np.uint64(3 << 32))
    assert len(np.unique(found)) == 40_000
    counts = np.bincount(spread(found, 16))
    assert counts.min() > 2300 and counts.max() < 2700  # 2500 and four standard deviations


def test_rows_that_are_kept_have_their_numbers_in_the_shard() -> None:
    reasons: list[list[str | None]] = [[None, "a", None], ["a"], [], [None]]
    batches = [
        pa.record_batch({"reason": pa.array(part, pa.string()), "id": [f"{n}-{i}" for i in range(len(part))]})
        for n, part in enumerate(reasons)
    ]
    task: Any = SimpleNamespace(rows=lambda columns: iter(batches))
    found = [(rows.tolist(), batch.column("id").to_pylist()) for rows, batch in rows_kept(task, ["id"])]
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
    for keys, documents in key_slices(task):
        assert not everything.keys() & set(keys.tolist())
        for key, document in zip(keys.tolist(), documents.tolist(), strict=True):
            everything.setdefault(key, []).append(document)
    expected: dict[int, list[int]] = {}
    for sender, records in enumerate(senders):
        for key, row in records:
            expected.setdefault(key, []).append(sender << 32 | row)
    assert everything == expected


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
    for part in received(task, "key", "signature"):
        keys = part.numbers("key")
        assert not seen & set(keys.tolist())
        seen |= set(keys.tolist())
        assert len(part) == len(keys) == len(part.signed)
        found += list(zip(part.documents.tolist(), keys.tolist(), part.signed.tolist(), strict=True))
    expected = [
        (sender << 32 | row, key, [key & 0xFFFFFFFF, row])
        for sender, records in enumerate(senders)
        for key, row in records
    ]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("keep", ["oldest", "newest"])
@given(st.lists(st.integers(0, 3), max_size=12))
def test_rows_that_are_alike_become_one_record(keep: str, groups: list[int]) -> None:
    policy = KeepPolicy(KeepConfig(keep=[keep]))
    rows = np.arange(len(groups), dtype=np.uint32) * 2
    best, columns = combined(policy, [np.array(groups, np.uint64)], {}, rows)
    batch = record_batch(columns)
    expected = {}
    for group in groups:
        members = [int(row) for row, other in zip(rows, groups, strict=True) if other == group]
        chosen = members[0] if keep == "oldest" else members[-1]
        expected[chosen] = (sorted(set(members) - {chosen}), members[0])
    found = {
        row: (sorted(copies), first)
        for row, copies, first in zip(*(batch.column(name).to_pylist() for name in batch.schema.names), strict=True)
    }
    assert found == expected
    assert rows[best].tolist() == batch.column("row").to_pylist()
