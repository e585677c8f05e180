"""The exchange: what is sent to a partition arrives there, whole and in order, however it is cut into segments."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.storage.exchange import OpenExchange
from dspipe.pipeline.storage.store import Store
from tests.pipeline.storage.exchanges import RECORDS, Batches, arrived, batch_of, sent, written


@given(RECORDS, st.sampled_from([1, 100, 1 << 20]), st.sampled_from([1, 1000, 1 << 20]))
def test_arrives_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: Batches, segment_bytes: int, piece: int
) -> None:
    store = Store(str(tmp_path_factory.mktemp("exchange")))
    file = written(store, "x.exchange", batches, 7, segment_bytes)
    assert file["records"] == sum(map(len, batches))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dspipe.pipeline.storage.exchange.PIECE", 32 + piece)
        for partition in range(7):
            assert arrived(store, file, partition) == [(0, *record) for record in sent(batches, partition)]


def test_partitions_that_a_file_does_not_have_were_sent_nothing(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    file = written(store, "x", [[(1, 5, [])]], 2, 1 << 20)
    assert [arrived(store, file, partition) for partition in (1, 2, 9)] == [[(0, 5, [])], [], []]


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
