import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from dspipe.stages.pack.reading.reader import PackedDataset
from tests.engine import run_inline
from tests.stages.pack.runs import make_config, make_documents

torch = pytest.importorskip("torch", reason="torch is not installed")
from dspipe.stages.pack.reading.torch_data import PackedIterable  # noqa: E402
from dspipe.stages.pack.reading.torch_loader import PackedLoader  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loader")
    run_inline(make_config(folder, make_documents(90), length=32, shard_bytes=65536))
    return folder / "run"


def rows_of(batches: Iterable[dict[str, Any]]) -> list[int]:
    return [row for batch in batches for row in torch.atleast_1d(torch.as_tensor(batch["row"])).tolist()]


def make(kind: str, run: Path, batch_size: int, **settings: Any) -> PackedDataset | PackedIterable:
    return PackedDataset(run, **settings) if kind == "map" else PackedIterable(run, batch_size, **settings)


@pytest.mark.parametrize("kind", ["map", "iterable"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_resumes_where_it_was(run: Path, kind: str, workers: int) -> None:
    settings: dict[str, Any] = {"rank": 1, "world_size": 2, "seed": 3, "epochs": 2}
    whole = [sample["row"] for sample in PackedDataset(run, **settings)]
    loader = PackedLoader(make(kind, run, 4, **settings), 4, num_workers=workers)
    assert rows_of(islice(loader, 5)) == whole[:20]
    state = json.loads(json.dumps(loader.state_dict()))
    other = PackedLoader(make(kind, run, 3, **settings), 3, num_workers=2 - workers)
    other.load_state_dict(state)
    assert rows_of(other) == whole[20:]
    # at the end, and after a resumed iteration, too
    other.load_state_dict(state)
    assert rows_of(islice(other, 2)) == whole[20:26]
    third = make(kind, run, 3, **settings)
    third.load_state_dict(other.state_dict())
    assert rows_of(PackedLoader(third, 3)) == whole[26:]
    assert other.state_dict()["samples"] == 26 * 2


def test_the_end_of_an_epoch_is_not_passed(run: Path) -> None:
    data = PackedDataset(run, seed=3)
    loader = PackedLoader(data, 64)
    assert len(rows_of(loader)) == data.rows and loader.state_dict()["samples"] == data.rows


def test_what_would_change_the_order_is_refused(run: Path) -> None:
    with pytest.raises(ValueError, match="shuffle would give samples in another order"):
        PackedLoader(PackedDataset(run), 4, shuffle=True)
    with pytest.raises(ValueError, match="the data set was made for 4"):
        PackedLoader(PackedIterable(run, 4), 8)


@pytest.mark.parametrize("kind", ["map", "iterable"])
@pytest.mark.parametrize("workers", [0, 2])
def test_torchs_own_loader_does_not_leave_a_wrong_state(run: Path, kind: str, workers: int) -> None:
    if "torchdata.stateful_dataloader" in __import__("sys").modules:
        pytest.skip("torchdata's loader was imported, and it asks for the beginning")
    data = make(kind, run, 4)
    assert data.state_dict()["samples"] == 0
    assert len(rows_of(islice(torch.utils.data.DataLoader(data, 4, num_workers=workers), 3))) == 12
    with pytest.raises(ValueError, match=r"call state_dict\(samples\)"):
        data.state_dict()
    assert data.state_dict(12)["samples"] == 12
    data.load_state_dict(data.state_dict(12))
    assert data.state_dict()["samples"] == 12


@pytest.mark.parametrize("kind", ["map", "iterable"])
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("taken", [5, 40])
def test_torchdatas_loader_resumes_where_it_was(run: Path, kind: str, workers: int, taken: int) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader", reason="torchdata is not installed")
    settings: dict[str, Any] = {"rank": 1, "world_size": 2, "seed": 3, "epochs": 20}
    whole = [sample["row"] for sample in PackedDataset(run, **settings)]
    loader = stateful.StatefulDataLoader(make(kind, run, 4, **settings), batch_size=4, num_workers=workers)
    assert rows_of(islice(loader, taken)) == whole[: 4 * taken]
    state = loader.state_dict()
    other = stateful.StatefulDataLoader(make(kind, run, 4, **settings), batch_size=4, num_workers=workers)
    other.load_state_dict(state)
    assert rows_of(islice(other, 30)) == whole[4 * taken : 4 * taken + 120]
    # and again from there
    third = stateful.StatefulDataLoader(make(kind, run, 4, **settings), batch_size=4, num_workers=workers)
    third.load_state_dict(other.state_dict())
    assert rows_of(islice(third, 3)) == whole[4 * taken + 120 : 4 * taken + 132]
