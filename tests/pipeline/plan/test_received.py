"""Digests of what was sent to each partition: the same for the same records and senders, and for nothing else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.plan import received
from dspipe.pipeline.plan.received import digest_received
from dspipe.pipeline.storage import exchange
from dspipe.pipeline.storage.store import Store
from tests.pipeline.storage.exchanges import RECORDS, Batches, sent, written
from tests.pipeline.tasks.test_merge_exchange import Merging


@pytest.fixture(params=[0, exchange.FEW_PARTITIONS], ids=["in files", "in manifests"], autouse=True)
def few_partitions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the digests stand."""
    monkeypatch.setattr(exchange, "FEW_PARTITIONS", request.param)


def digests(store: Store, name: str, senders: list[Batches], partitions: int = 7) -> dict[int, str]:
    files = [(i, written(store, f"{name}{i}", batches, partitions, 1 << 20)) for i, batches in enumerate(senders)]
    return digest_received(store, files)


@given(st.lists(RECORDS, max_size=3), st.lists(RECORDS, max_size=3))
def test_digests_differ_where_something_else_was_sent(
    tmp_path_factory: pytest.TempPathFactory, before: list[Batches], after: list[Batches]
) -> None:
    store = Store(str(tmp_path_factory.mktemp("exchange")))
    old, new = digests(store, "old", before), digests(store, "new", after)
    for partition in range(7):
        records = [
            [(i, sent(batches, partition)) for i, batches in enumerate(senders) if sent(batches, partition)]
            for senders in (before, after)
        ]
        assert (old.get(partition) == new.get(partition)) == (records[0] == records[1])
        assert (partition in old) == bool(records[0])


@given(st.lists(RECORDS, min_size=1, max_size=3), RECORDS)
def test_a_sender_more_changes_the_partitions_that_it_sends_to(
    tmp_path_factory: pytest.TempPathFactory, senders: list[Batches], added: Batches
) -> None:
    store = Store(str(tmp_path_factory.mktemp("exchange")))
    old, new = digests(store, "old", senders), digests(store, "new", [*senders, added], partitions=9)
    for partition in range(9):
        assert (old.get(partition) == new.get(partition)) == (not sent(added, partition))


def test_senders_count(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    file = written(store, "x", [[(0, 1, [])]], 1, 1 << 20)
    assert digest_received(store, [(0, file)]) != digest_received(store, [(1, file)])
    assert digest_received(store, [(0, file)]) != digest_received(
        store, [(0, {**file, "schema": file["schema"] + "0"})]
    )
    assert digest_received(store, [(0, {**file, "records": 0})]) == {}


def test_of_merged_files(tmp_path: Path) -> None:
    """A merged file's digests cover who sent each message: of two files with one message each, swapped."""
    store = Store(str(tmp_path))
    files = [written(store, name, [[(3, key, [])]], 7, 1 << 20) for key, name in enumerate("ab")]
    found = []
    for order in (files, files[::-1]):
        task = Merging(store, 1 << 20)
        task.merge(order, 0, 8)
        found.append(digest_received(store, [(0, task.kept[0])]))
    assert found[0].keys() == found[1].keys() == {3}
    assert found[0] != found[1]


def test_ranges_of_partitions_give_the_same(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    senders = [[[(n, n, [sender]) for n in range(sender, 7)]] for sender in range(2)]
    files = [written(store, f"{sender}", batches, 7, 1 << 20) for sender, batches in enumerate(senders)]
    found = []
    for width in (2, 4, 8):
        task = Merging(store, 1 << 20)
        for first in range(0, 7, width):
            task.merge(files, first, width)
        found.append(digest_received(store, [(6, merged) for merged in task.kept]))
    assert found[0] == found[1] == found[2]
    assert sorted(found[0]) == list(range(7))


def test_a_few_at_a_time_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path))
    senders = [[[(n, n, [n])] for n in range(7)] for _ in range(5)]
    expected = digests(store, "x", senders)
    monkeypatch.setattr(received, "_TOGETHER", 1)
    monkeypatch.setattr(received, "_ROWS", 2)
    assert digests(store, "x", senders) == expected


def test_changed_digests_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "FEW_PARTITIONS", 0)
    store = Store(str(tmp_path))
    file = written(store, "x", [[(0, 1, [])]], 2, 1 << 20)
    data = bytearray((tmp_path / "x").read_bytes())
    data[-9] ^= 1
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(DamagedFileError, match="its digests have another checksum"):
        digest_received(store, [(0, file)])
