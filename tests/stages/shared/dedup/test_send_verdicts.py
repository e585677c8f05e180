"""Verdicts on their way back to the shards: one for each document of a cluster, copies of a record among them."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.doc_id import doc_ids_at
from dspipe.pipeline.tasks.records import Received
from dspipe.stages.shared.dedup import send_verdicts as sending
from dspipe.stages.shared.dedup.send_verdicts import send_verdicts

RECORD = st.tuples(
    st.integers(0, 2), st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True), st.integers(0, 2)
)
"""(shard, rows of it that are equal, dump)"""


def expected(
    clusters: Sequence[Sequence[Any]], keepers: Sequence[Sequence[int]], keep_none: bool = False
) -> dict[tuple[int, int], Any]:
    """By (shard, row) of each document: keeper, cluster, its size, similarity, duplicates, dumps, reason."""
    verdicts: dict[tuple[int, int], Any] = {}
    for records, kept in zip(clusters, keepers, strict=True):
        size = sum(len(rows) for _, rows, _ in records)
        oldest = min(shard << 32 | min(rows) for shard, rows, _ in records)
        for place, (shard, rows, _) in enumerate(records):
            keeper = records[kept[place]]
            number = keeper[0] << 32 | keeper[1][0]
            for row in rows:
                if kept[place] == place and row == rows[0]:
                    own = [other for other, k in zip(records, kept, strict=True) if k == place]
                    lost = sum(len(other[1]) for other in own) - 1
                    dumps = sorted({f"d{other[2]}" for other in own}) if lost else None
                    verdicts[shard, row] = (None, oldest, size, None, lost or None, dumps, None)
                    if keep_none and lost:
                        # for its first duplicate, one of its own record before those of others
                        other = next((other for other in own if other is not records[place]), records[place])
                        copy = (shard << 32 | rows[1]) if len(rows) > 1 else other[0] << 32 | other[1][0]
                        alike = 1.0 if len(rows) > 1 else 0.5
                        verdicts[shard, row] = (copy, oldest, size, alike, None, None, 1 + place % 2)
                else:
                    alike = 1.0 if kept[place] == place else 0.5
                    verdicts[shard, row] = (number, oldest, size, alike, None, None, 1 + place % 2)
    return verdicts


@given(
    st.lists(st.lists(RECORD, min_size=1, max_size=4), max_size=4),
    st.data(),
    st.sampled_from([1, 5, 1 << 16]),
    st.booleans(),
)
def test_every_document_gets_its_verdict(
    clusters: list[list[Any]], data: st.DataObject, at_a_time: int, keep_none: bool
) -> None:
    used: set[tuple[int, int]] = set()
    for records in clusters:  # a document is in one record
        for record in records:
            rows = [row for row in record[1] if (record[0], row) not in used]
            record[1][:] = rows
            used |= {(record[0], row) for row in rows}
    clusters = [[record for record in records if record[1]] for records in clusters]
    clusters = [records for records in clusters if records]
    keepers = []
    for records in clusters:  # the first of a cluster is kept, any other for itself or for one that is kept
        kept = [0]
        for place in range(1, len(records)):
            kept.append(data.draw(st.sampled_from([place, *[p for p in range(place) if kept[p] == p]])))
        keepers.append(kept)
    flat = [record for records in clusters for record in records]
    starts = np.cumsum([0, *map(len, clusters)]).astype(np.int64)
    columns = {
        "row": pa.array([rows[0] for _, rows, _ in flat], pa.uint32()),
        "copies": pa.array([rows[1:] for _, rows, _ in flat], pa.list_(pa.uint32())),
        "first": pa.array([min(rows) for _, rows, _ in flat], pa.uint32()),
        "dump": pa.array([f"d{dump}" for _, _, dump in flat], pa.string()),
    }
    numbers = doc_ids_at(
        np.array([shard for shard, _, _ in flat], int), np.array([rows[0] for _, rows, _ in flat], int)
    )
    received = Received(numbers, pa.table(columns), np.empty((0, 1), np.uint32))
    chosen = np.array([start + k for start, kept in zip(starts, keepers, strict=False) for k in kept], np.int64)
    found: dict[tuple[int, int], Any] = {}

    def emit(shards: np.ndarray, batch: pa.RecordBatch) -> None:
        for shard, row in zip(shards.tolist(), batch.to_pylist(), strict=True):
            place = shard, row.pop("row")
            assert place not in found
            found[place] = tuple(row.values())

    task: Any = SimpleNamespace(emit=emit)
    order = np.arange(len(flat), dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "_SENT_AT_A_TIME", at_a_time)
        alike, reasons = (
            np.full(len(flat), 0.5, np.float32),
            np.array([1 + k % 2 for c in clusters for k in range(len(c))]),
        )
        send_verdicts(task, received, order, starts, chosen, alike, reasons.astype(np.uint8), keep_none)
    assert found == expected(clusters, keepers, keep_none)
