"""The exchange: what is sent to a partition arrives there, whole and in order, however it is cut into segments."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.errors import ConservationError
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.plan.tasks import MixedRecordsError, State, absorb
from dspipe.pipeline.storage.exchange import ExchangeReader, OpenExchange, ranges_in
from dspipe.pipeline.storage.spill import received_slices
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks import merge_exchange as merging

records = st.lists(
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
    reader = ExchangeReader(store, file["file"], file["index"], file["segments"])
    ranges = ranges_in(store.read_range(*reader.index_range(partition)))
    schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(file["schema"] or ""))) if len(ranges) else None
    return [
        (sender, key, values)
        for sender, batch in reader.read(ranges, schema)
        for key, values in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)
    ]


def sent(batches: Batches, partition: int) -> list[tuple[int, list[int]]]:
    return [(key, values) for rows in batches for p, key, values in rows if p == partition]


@given(records, st.sampled_from([1, 100, 1 << 20]), st.sampled_from([1, 1000, 1 << 20]))
def test_arrives_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: Batches, segment_bytes: int, piece: int
) -> None:
    store = Store(str(tmp_path_factory.mktemp("exchange")))
    file = written(store, "x.exchange", batches, 7, segment_bytes)
    assert file["records"] == sum(map(len, batches))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dspipe.pipeline.storage.exchange.PIECE", 24 + piece)
        for partition in range(7):
            assert arrived(store, file, partition) == [(0, *record) for record in sent(batches, partition)]


class Merging:
    """As much of a task as merging needs."""

    name, partitions = "merge 00000", 7

    def __init__(self, store: Store, memory: int) -> None:
        self.store, self.memory = store, memory
        self.spec = SimpleNamespace(file=lambda name: f"merged{name}")
        self.kept: list[dict[str, Any]] = []

    def keep_file(self, kind: str, name: str, file: str, **described: Any) -> None:
        self.kept.append({"kind": kind, "name": name, "file": file, **described})


@given(
    st.lists(records, min_size=1, max_size=4), st.sampled_from([1, 100, 1 << 20]), st.sampled_from([4, 4000, 1 << 22])
)
def test_merged_files_give_what_the_senders_gave(
    tmp_path_factory: pytest.TempPathFactory, senders: list[Batches], segment_bytes: int, memory: int
) -> None:
    store = Store(str(tmp_path_factory.mktemp("exchange")))
    files = [written(store, f"{sender}", batches, 7, segment_bytes) for sender, batches in enumerate(senders)]
    files = [{**file, "sender": sender} for sender, file in enumerate(files) if file["records"]]
    task: Any = Merging(store, memory)
    merging.run(task, {"exchange": "x", "files": files})
    (merged,) = task.kept
    for partition in range(7):
        expected = [(sender, *record) for sender, batches in enumerate(senders) for record in sent(batches, partition)]
        assert arrived(store, merged, partition) == expected
    if files:
        with pytest.raises(ConservationError, match="records were sent"):
            merging.run(
                task, {"exchange": "x", "files": [*files[1:], {**files[0], "records": files[0]["records"] + 1}]}
            )


def test_groups_are_about_the_square_root() -> None:
    assert [merging.group_size(senders) for senders in (0, 1, 2, 4, 1000, 4096, 90_000)] == [1, 1, 1, 2, 32, 64, 256]


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


def test_senders_of_different_records_are_found() -> None:
    phase = PlannedPhase("p", "partitions", "P", ("p",), "", {}, {}, emits="x")
    files = [{"kind": "exchange", "name": "x", "file": name, "records": 1, "schema": name} for name in ("a", "b")]
    manifests = [{"file": "m", "files": [file]} for file in files]
    absorb(phase, manifests[:1], State([], []))
    absorb(phase, [manifests[0], {"file": "m", "files": [{**files[1], "records": 0}]}], State([], []))
    with pytest.raises(MixedRecordsError, match="a and b hold records of different schemas"):
        absorb(phase, manifests, State([], []))


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
