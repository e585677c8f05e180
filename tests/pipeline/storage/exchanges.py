"""Exchange files that tests write and read."""

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from dspipe.pipeline.storage.exchange import LAYOUT, ExchangeReader, OpenExchange
from dspipe.pipeline.storage.store import Store

RECORDS = st.lists(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 2**64 - 1), st.lists(st.integers(0, 9), max_size=4)), max_size=9
    ),
    max_size=6,
)


Records = list[tuple[int, int, list[int]]]  # each a partition, a key and values
Batches = list[Records]


def batch_of(rows: Records) -> pa.RecordBatch:
    keys = pa.array([key for _, key, _ in rows], pa.uint64())
    return pa.RecordBatch.from_arrays(
        [keys, pa.array([values for _, _, values in rows], pa.list_(pa.uint8()))], ["key", "values"]
    )


def written(store: Store, name: str, batches: Batches, partitions: int, segment_bytes: int) -> dict[str, Any]:
    """An exchange file, and what its manifest says of it."""
    exchange = OpenExchange(store.writing(name), partitions, segment_bytes)
    for rows in batches:
        exchange.writer.write(np.array([partition for partition, _, _ in rows], np.int64), batch_of(rows))
    return {"file": name, **exchange.commit()}


def arrived(store: Store, file: dict[str, Any], partition: int) -> list[tuple[int, int, list[int]]]:
    """What a file holds for a partition: (sender, key, values)."""
    reader = ExchangeReader(store, file["file"], *(file[name] for name in LAYOUT))
    ranges = reader.ranges(store.read_range(*reader.index_range(partition)))
    schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(file["schema"] or ""))) if len(ranges) else None
    return [
        (sender, key, values)
        for sender, batch in reader.read(ranges, schema)
        for key, values in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)
    ]


def sent(batches: Batches, partition: int) -> list[tuple[int, list[int]]]:
    return [(key, values) for rows in batches for p, key, values in rows if p == partition]
