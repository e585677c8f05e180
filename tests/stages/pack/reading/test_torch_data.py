import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.stages.pack.reading.reader import PackedDataset, Uneven
from tests.engine import run_inline
from tests.stages.pack.runs import make_config, make_documents

torch = pytest.importorskip("torch")
from dspipe.stages.pack.reading.torch_data import PackedIterable  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("torch")
    run_inline(make_config(folder, make_documents(90), length=32, shard_bytes=65536))
    return folder / "run"


def rows_of(loader: Iterable[dict[str, Any]], count: int | None = None) -> list[int]:
    return [row for batch in islice(loader, count) for row in torch.atleast_1d(torch.as_tensor(batch["row"])).tolist()]


def worker_samples(data: PackedIterable, workers: int, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """What each worker of a loader would yield, without its processes."""
    found = []
    for number in range(workers):
        info = type("Info", (), {"id": number, "num_workers": workers})
        monkeypatch.setattr("dspipe.stages.pack.reading.torch_data.get_worker_info", lambda info=info: info)
        found.append([sample["row"] for sample in data])
    return found


@pytest.mark.parametrize("world_size", [1, 3, 8])
@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("batch_size", [1, 4, 300])
def test_no_overlap_and_no_loss(
    run: Path, world_size: int, workers: int, batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []
    for rank in range(world_size):
        data = PackedIterable(run, batch_size, rank, world_size, seed=3, epochs=2)
        parts = worker_samples(data, workers, monkeypatch)
        assert sum(map(len, parts)) == len(data)
        batches = [[part[i : i + batch_size] for i in range(0, len(part), batch_size)] for part in parts]
        in_turn = [batch for i in range(max(map(len, batches))) for part in batches for batch in part[i : i + 1]]
        assert [row for batch in in_turn for row in batch] == data.data.row_numbers(0, len(data)).tolist()
        rows += [row for part in parts for row in part]
    assert sorted(rows) == sorted(list(range(data.data.rows)) * 2)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_loader_has_the_order_of_the_plain_data_set(run: Path, workers: int) -> None:
    data = PackedIterable(run, 4, 1, 2, seed=5)
    loader = torch.utils.data.DataLoader(data, batch_size=4, num_workers=workers)
    plain = list(PackedDataset(run, 1, 2, seed=5))
    batches = list(loader)
    assert len(batches) == len(loader)
    assert rows_of(batches) == [sample["row"] for sample in plain]
    for name in ("tokens", "position_ids", "document_ids", "loss_mask"):
        assert (torch.cat([batch[name] for batch in batches]).numpy() == np.stack([s[name] for s in plain])).all()


@pytest.mark.parametrize(("uneven", "more"), [("drop", 0), ("repeat", 1)])
def test_as_many_samples_for_each_rank(run: Path, uneven: Uneven, more: int) -> None:
    rows = PackedDataset(run).rows
    assert rows % 7
    for rank in range(7):
        data = PackedIterable(run, 2, rank, 7, seed=5, uneven=uneven)
        loader = torch.utils.data.DataLoader(data, batch_size=2, num_workers=2)
        found = rows_of(loader)
        assert len(found) == len(data) == rows // 7 + more
        kept = PackedDataset(run, rank, 7, seed=5)
        assert found[: rows // 7] == kept.row_numbers(0, rows // 7).tolist()


def test_batches_left_to_the_trainer(run: Path) -> None:
    data = PackedIterable(run, seed=5)
    loader = torch.utils.data.DataLoader(data, batch_size=None, num_workers=2)
    assert rows_of(loader) == data.data.row_numbers(0, len(data)).tolist()


@pytest.mark.parametrize("epochs", [3, None])
def test_resumed_at_any_sample_with_other_workers(run: Path, epochs: int | None) -> None:
    whole = PackedDataset(run, seed=9, epochs=epochs).row_numbers(0, 60).tolist()
    for taken, workers in ((0, 0), (5, 2), (31, 3)):
        first = PackedIterable(run, 2, seed=9, epochs=epochs)
        assert rows_of(torch.utils.data.DataLoader(first, batch_size=2, num_workers=2), 16) == whole[:32]
        state = json.loads(json.dumps(first.state_dict(taken)))
        second = PackedIterable(run, 3, seed=9, epochs=epochs)
        second.load_state_dict(state)
        loader = torch.utils.data.DataLoader(second, batch_size=3, num_workers=workers)
        found = rows_of(loader, 9)
        assert found == whole[taken : taken + 27]


def test_resumed_with_another_world_size(run: Path) -> None:
    plain = PackedDataset(run, seed=2)
    line = plain.row_numbers(0, len(plain)).tolist()
    states = [PackedIterable(run, 1, rank, 3, seed=2).state_dict(7) for rank in range(3)]
    assert states[0] == states[1] == states[2]
    rest = []
    for rank in range(2):
        data = PackedIterable(run, 1, rank, 2, seed=2)
        data.load_state_dict(states[0])
        rest += [sample["row"] for sample in data]
    assert sorted(rest) == sorted(line[21:])


def test_rank_and_world_size_of_torch_distributed(run: Path, tmp_path: Path) -> None:
    torch.distributed.init_process_group("gloo", f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        data = PackedIterable(run)
        assert (data.data.rank, data.data.world_size) == (0, 1)
    finally:
        torch.distributed.destroy_process_group()


def test_what_does_not_fit(run: Path) -> None:
    with pytest.raises(ValueError, match="batch_size 0"):
        PackedIterable(run, 0)
    with pytest.raises(ValueError, match="rank 2 of 2"):
        PackedIterable(run, 1, 2, 2)
    with pytest.raises(TypeError, match="no length"):
        len(PackedIterable(run, epochs=None))
