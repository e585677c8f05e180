import copy
import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.pack.reading.reader import PackedDataset, Uneven
from dspipe.stages.pack.reading.shard_files import ShardError
from tests.engine import run_inline
from tests.stages.pack.runs import PAD, make_config, make_documents


@pytest.fixture(scope="module", params=["megatron", "mds", "parquet"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    run_inline(make_config(folder, make_documents(), length=32, shard_bytes=65536, format=request.param))
    return folder / "run"


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 7), st.sampled_from([None, 3]), st.integers(1, 3))
def test_every_row_once_an_epoch_for_any_world_size(run: Path, world_size: int, seed: int | None, epochs: int) -> None:
    data = [PackedDataset(run, rank, world_size, seed, epochs) for rank in range(world_size)]
    seen = [row for one in data for row in one.row_numbers(0, len(one)).tolist()]
    assert sorted(seen) == sorted(list(range(data[0].rows)) * epochs)
    assert max(map(len, data)) - min(map(len, data)) <= 1
    # in lockstep no row comes back before its epoch is over
    line = [
        row
        for step in range(len(data[0]))
        for one in data
        if step < len(one)
        for row in one.row_numbers(step, step + 1)
    ]
    for epoch in range(epochs):
        assert len(set(line[epoch * data[0].rows : (epoch + 1) * data[0].rows])) == data[0].rows


@pytest.mark.parametrize("epochs", [2, None])
def test_resumed_at_any_sample(run: Path, epochs: int | None) -> None:
    whole = [sample["row"] for sample in islice(PackedDataset(run, 1, 3, 9, epochs), 60)]
    for taken in (0, 1, 7, 31, 59):
        first = PackedDataset(run, 1, 3, 9, epochs)
        rows = [sample["row"] for sample in islice(first, taken)]
        state = json.loads(json.dumps(first.state_dict(taken)))
        second = PackedDataset(run, 1, 3, 9, epochs)
        second.load_state_dict(state)
        rows += [sample["row"] for sample in islice(second, 60 - taken)]
        assert rows == whole
        assert second[0]["row"] == whole[taken]  # by number it is counted from where it was resumed
        assert second.state_dict()["samples"] == 3 * 60


def test_the_state_follows_iteration(run: Path) -> None:
    data = PackedDataset(run)
    steps = iter(data)
    next(steps), next(steps)
    assert data.state_dict()["samples"] == 2


def test_every_iteration_begins_where_the_data_set_was_started(run: Path) -> None:
    data = PackedDataset(run, seed=3)
    whole = [sample["row"] for sample in data]
    assert [sample["row"] for sample in data] == whole and len(whole) == data.rows
    data.load_state_dict(data.state_dict(5))
    assert [sample["row"] for sample in data] == [sample["row"] for sample in data] == whole[5:]


def test_iterations_are_independent(run: Path) -> None:
    data = PackedDataset(run, seed=3)
    whole = data.row_numbers(0, len(data)).tolist()
    first, second = iter(data), iter(data)
    assert [next(first)["row"] for _ in range(3)] == whole[:3]
    assert [next(second)["row"] for _ in range(2)] == whole[:2]
    assert next(first)["row"] == whole[3]
    assert data.state_dict()["samples"] == 2  # of the one begun last
    data.load_state_dict(data.state_dict(10))
    assert next(first)["row"] == whole[4]  # goes on
    assert next(iter(data))["row"] == whole[10]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.sampled_from([None, 3]), st.integers(1, 3), st.integers(0, 400))
def test_ranks_have_as_many_samples_where_that_is_asked_for(
    run: Path, world_size: int, seed: int | None, epochs: int, start: int
) -> None:
    def rows_of_all(uneven: Uneven) -> list[list[int]]:
        found = []
        for rank in range(world_size):
            data = PackedDataset(run, rank, world_size, seed, epochs, uneven=uneven)
            data.load_state_dict(data.state_dict() | {"samples": start})
            found.append([sample["row"] for sample in data])
            assert len(data) == len(found[-1])
        return found

    kept, dropped, repeated = rows_of_all("keep"), rows_of_all("drop"), rows_of_all("repeat")
    left = max(0, PackedDataset(run).rows * epochs - start)
    assert sum(map(len, kept)) == left
    assert {len(rows) for rows in dropped} == {left // world_size}
    assert {len(rows) for rows in repeated} == {-(-left // world_size)}
    for rank in range(world_size):
        # those of `keep`, without the last few or with one more
        assert dropped[rank] == kept[rank][: len(dropped[rank])]
        assert repeated[rank][: len(kept[rank])] == kept[rank]


def test_resumed_with_another_world_size(run: Path) -> None:
    one = [sample["row"] for sample in PackedDataset(run, seed=4)]
    first = [PackedDataset(run, rank, 4, seed=4) for rank in range(4)]
    state = first[0].state_dict(5)
    then = [PackedDataset(run, rank, 3, seed=4) for rank in range(3)]
    for data in then:
        data.load_state_dict(state)
    done = [data[i]["row"] for i in range(5) for data in first]
    rest = [row for data in then for row in data.row_numbers(0, len(data)).tolist()]
    assert done == one[:20]
    assert sorted(rest) == sorted(one[20:])


def test_samples(run: Path) -> None:
    texts = {document["id"]: document["text"] for document in make_documents()}
    data = PackedDataset(run)
    for number in range(len(data)):
        sample = data[number]
        shard, row = data.shards.find_row(number)
        table = data.shards.table(shard)
        documents, segments = table.documents, table.segments(row)
        for i, segment in enumerate(range(segments.start, segments.stop)):
            of_segment = sample["document_ids"] == i
            document, start = int(table.segment_document[segment]), int(table.segment_start[segment])
            expected = [*texts[documents.id(document)].encode(), 257][start : start + int(of_segment.sum())]
            assert sample["tokens"][of_segment].tolist() == expected
            assert sample["position_ids"][of_segment].tolist() == list(range(len(expected)))
        padding = sample["document_ids"] < 0
        assert (sample["tokens"][padding] == PAD).all()
        assert sample["loss_mask"].tolist() == (~padding).tolist()
        counts: dict[str, int] = {}
        for segment in range(segments.start, segments.stop):
            name = documents.domains[documents.domain[table.segment_document[segment]]]
            counts[name] = counts.get(name, 0) + int(table.segment_length[segment])
        assert counts[data.domains[sample["domain"]]] == max(counts.values())
    assert (data.read(np.array([3, 0, 3])) == [data[i]["tokens"] for i in (3, 0, 3)]).all()


def test_what_does_not_fit(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="no packed shards"):
        PackedDataset(tmp_path)
    with pytest.raises(ValueError, match="rank 2 of 2"):
        PackedDataset(run, 2, 2)
    with pytest.raises(ValueError, match="uneven is 'pad'; give one of keep, drop, repeat"):
        PackedDataset(run, uneven="pad")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no length"):
        len(PackedDataset(run, epochs=None))
    with pytest.raises(IndexError):
        PackedDataset(run)[10_000]
    state = PackedDataset(run, seed=1).state_dict(1)
    with pytest.raises(ValueError, match="seed 1, the data set has seed 2"):
        PackedDataset(run, seed=2).load_state_dict(state)
    with pytest.raises(ValueError, match="other shards"):
        PackedDataset(run, seed=1).load_state_dict({**state, "index": "0"})


def test_numpy_is_enough(tmp_path: Path) -> None:
    run_inline(make_config(tmp_path, make_documents(), length=32))
    code = f"""
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('numba', 'pyarrow', 'pydantic', 'torch', 'llvmlite'):
            raise ImportError(name)
sys.meta_path.insert(0, Nothing())
from dspipe.stages.pack.reading.locate import locate_document
from dspipe.stages.pack.reading.reader import PackedDataset, Uneven
print(len(list(PackedDataset({str(tmp_path / "run")!r}))))
"""
    root = Path(__file__).parents[4]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert int(done.stdout) == PackedDataset(tmp_path / "run").rows


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_torch_data_loader(run: Path) -> None:
    torch = pytest.importorskip("torch")
    data = PackedDataset(run, seed=5)
    loader = torch.utils.data.DataLoader(data, batch_size=4, num_workers=2)
    rows = [row for batch in loader for row in batch["row"].tolist()]
    assert rows == data.row_numbers(0, len(data)).tolist()
    again = copy.copy(data)
    again.load_state_dict(data.state_dict(8))
    loader = torch.utils.data.DataLoader(again, batch_size=4, num_workers=3)
    assert [row for batch in loader for row in batch["row"].tolist()] == rows[8:]


def test_slices_are_batches_and_numbers_count_from_the_end(tmp_path: Path) -> None:
    run_inline(make_config(tmp_path, make_documents(40), length=16))
    data = PackedDataset(tmp_path / "run", rank=1, world_size=2, seed=4)
    samples = list(data)
    batch = data[2:9:3]
    assert [*batch] == data.column_names and batch["tokens"].shape == (3, 16)
    for name, values in batch.items():
        assert np.array_equal(values, np.array([sample[name] for sample in samples[2:9:3]]))
    assert data[-1]["row"] == samples[-1]["row"] and len(data[:]["row"]) == len(data)
    for number in (len(data), -len(data) - 1):
        with pytest.raises(IndexError, match=f"sample {number} of {len(data)}"):
            data[number]
