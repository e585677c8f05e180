"""The exchange: what is sent to a partition arrives there, whole and in order, however it is cut into segments."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.exchange import ExchangeReader, OpenExchange
from pipeline.store import Store

records = st.lists(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 2**64 - 1), st.lists(st.integers(0, 9), max_size=4)), max_size=9
    ),
    max_size=6,
)


def batch_of(rows: list[tuple[int, int, list[int]]]) -> pa.RecordBatch:
    keys = pa.array([key for _, key, _ in rows], pa.uint64())
    return pa.RecordBatch.from_arrays(
        [keys, pa.array([values for _, _, values in rows], pa.list_(pa.uint8()))], ["key", "values"]
    )


@given(records, st.sampled_from([1, 100, 1 << 20]))
def test_arrives_in_order(tmp_path_factory: pytest.TempPathFactory, batches: list, segment_bytes: int) -> None:
    store = Store(str(tmp_path_factory.mktemp("exchange")))
    exchange = OpenExchange(store.writing("x.exchange"), 7, segment_bytes)
    for rows in batches:
        exchange.writer.write(np.array([partition for partition, _, _ in rows], np.int64), batch_of(rows))
    exchange.commit()
    reader = ExchangeReader(store, "x.exchange")
    assert reader.partitions == 7
    for partition in range(7):
        expected = [(key, values) for rows in batches for p, key, values in rows if p == partition]
        found = [
            (key, values)
            for batch in reader.read(partition)
            for key, values in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)
        ]
        assert found == expected


def test_mistakes_of_senders(tmp_path: Path) -> None:
    exchange = OpenExchange(Store(str(tmp_path)).writing("x.exchange"), 2, 1 << 20)
    batch = batch_of([(0, 1, []), (1, 2, [])])
    with pytest.raises(ValueError, match="3 partition numbers for 2 records"):
        exchange.writer.write(np.zeros(3, np.int64), batch)
    with pytest.raises(ValueError, match=r"partition 0 or 2 is outside 0\.\.1"):
        exchange.writer.write(np.array([0, 2]), batch)
    exchange.writer.write(np.array([0, 1]), batch)
    with pytest.raises(ValueError, match="another schema"):
        exchange.writer.write(np.array([0, 1]), batch.select(["key"]))
    exchange.abandon()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_exchange_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"something else that is long enough to have a tail")
    with pytest.raises(ValueError, match="is not an exchange file"):
        ExchangeReader(Store(str(tmp_path)), "x")


def test_more_partitions_than_one_read_of_the_end_holds(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    exchange = OpenExchange(store.writing("x.exchange"), 30_000, 1 << 20)
    exchange.writer.write(np.array([29_999, 5]), batch_of([(0, 1, [1]), (0, 2, [2, 3])]))
    exchange.commit()
    reader = ExchangeReader(store, "x.exchange")
    assert [batch.column(0).to_pylist() for batch in reader.read(5)] == [[2]]
    assert [batch.column(1).to_pylist() for batch in reader.read(29_999)] == [[[1]]]
    assert list(reader.read(17)) == []
