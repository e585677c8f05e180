"""When a run has ended, its folders hold its own results and nothing that it didn't make."""

import time
from pathlib import Path
from typing import Any

import pytest

import dspipe
from dspipe import PackedDataset
from dspipe.pipeline.run.cleanup import abort_dead_uploads, remove_stale
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.storage.store import Store
from dspipe.stages.pack.reading.shard_files import Shards
from tests.stages.pack.runs import make_config, make_documents

KEY, OTHER = "0123456789ab", "ba9876543210"


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_only_results_that_nothing_names_are_removed(tmp_path: Path) -> None:
    stays = {
        f"judge/00000-{KEY}.parquet",
        f"judge/00000-{KEY}.manifest.json",
        f"judge/inputs-{KEY}.json",
    }
    not_ours = {"judge/notes.txt", "judge/00000.parquet", "judge/12345-short.parquet", "run.json", "data/part-00000.x"}
    goes = {
        f"judge/00000-{OTHER}.parquet",
        f"judge/inputs-{OTHER}.json",
        f"gone/00003-{OTHER}.manifest.json",
        "judge/.partial-77-00000-x.parquet",
        ".partial-77-run.json",
    }
    for name in stays | not_ours | goes:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    now = time.time() + 1
    assert remove_stale(Store(str(tmp_path)), stays, now) == len(goes)
    assert files(tmp_path) == stays | not_ours
    assert not (tmp_path / "gone").exists()  # an empty folder is no result either
    assert remove_stale(Store(str(tmp_path)), stays, now) == 0


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_what_another_run_writes_meanwhile_stays(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if kind == "s3":
        request.getfixturevalue("s3")
    store = Store(str(tmp_path) if kind == "local" else f"s3://bucket/{tmp_path.name}")
    old, new = f"judge/00000-{KEY}.parquet", f"judge/00000-{OTHER}.parquet"
    store.write_bytes(old, b"x")
    time.sleep(0.02)
    store.write_bytes(new, b"x")
    began = store.states("judge")[new.partition("/")[2]].modified
    assert began is not None
    if kind == "s3":  # whose times are whole seconds
        assert remove_stale(store, set(), began - 1) == 0
        assert remove_stale(store, set(), began + 1) == 2
    else:
        assert remove_stale(store, set(), began) == 1
        assert store.names("judge") == [new.partition("/")[2]]


def test_what_a_worker_of_this_run_has_not_finished_goes(tmp_path: Path) -> None:
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / ".partial-77-00000-x.parquet").write_text("x")
    assert remove_stale(Store(str(tmp_path)), set(), 0.0) == 1
    assert files(tmp_path) == set()


def test_uploads_of_workers_that_died_are_aborted(s3: Any, tmp_path: Path) -> None:
    store = Store(f"s3://bucket/{tmp_path.name}")
    beside = Store(f"s3://bucket/{tmp_path.name}-beside")
    assert store.objects is not None and beside.objects is not None
    for one in (store, beside):
        assert one.objects is not None
        upload = one.objects.raw.begin(one.remote_path("documents/00000.parquet"))
        assert upload is not None
        one.objects.raw.part(one.remote_path("documents/00000.parquet"), upload, 1, bytes(5 << 20))
    assert abort_dead_uploads(store, 0.0) == 0
    assert abort_dead_uploads(store, time.time() + 600) == 1
    assert store.objects.raw.uploads(store.remote_path("")) == []
    assert len(beside.objects.raw.uploads(beside.remote_path(""))) == 1
    assert abort_dead_uploads(Store(str(tmp_path)), time.time()) == 0


def test_packed_shards_of_earlier_configs_stay_until_they_are_to_go(tmp_path: Path) -> None:
    def run(length: int, replace_earlier: bool = False) -> tuple[set[str], set[str], str]:
        config = make_config(tmp_path, documents, length=length, shard_bytes=65536)
        dspipe.run({"name": "t", "engine": "inline", **config}, progress=said, replace_earlier=replace_earlier)
        listed = {file.name for part in Shards(tmp_path / "run").parts for file in part.files.values()}
        return {f"shards/{name}" for name in files(tmp_path / "run" / "shards")}, listed, said.text()

    documents, said = make_documents(), Said()
    first, listed, text = run(32)
    assert first > listed and "earlier result" not in text
    reader = PackedDataset(tmp_path / "run")
    before = reader[0]["tokens"].tolist()
    both, listed, text = run(16)
    assert both > first | listed and not first & listed
    assert "they stay beside the new one" in text
    assert reader[0]["tokens"].tolist() == before
    (earlier,) = [name for name in both & first if name.endswith(".index.json")]
    assert len(PackedDataset(tmp_path / "run" / earlier)) == len(reader)  # and a trainer can go on with it
    assert run(16)[0] == both and "earlier result" not in said.text()  # nothing to do
    alone, listed, text = run(8, replace_earlier=True)
    assert alone > listed and not alone & both
    assert "are removed then" in text


class Said(LogProgress):
    """What a run says, since it was asked last."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def notice(self, text: str) -> None:
        self.lines.append(text)

    def text(self) -> str:
        text, self.lines = "\n".join(self.lines), []
        return text


def test_copies_of_what_goes_go_too(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for name in ("mixture.json", "tokenizer.json", "notes.json"):
        store.write_bytes(f"stage/00000-0123456789ab.{name}", b"earlier")
        store.write_bytes(name, b"somebody's" if name == "notes.json" else b"earlier")
    began = (tmp_path / "stage" / "00000-0123456789ab.notes.json").stat().st_mtime + 1
    assert remove_stale(store, set(), began, published={"tokenizer.json"}) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.json", "tokenizer.json"]
