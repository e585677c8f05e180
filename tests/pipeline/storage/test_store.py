"""Object stores, and storage that fails: one clear message each."""

import gc
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import RunFailedError, StorageError
from dspipe.pipeline.storage.filesystem import is_remote
from dspipe.pipeline.storage.store import Store
from tests.engine import planned, rows_of, run_inline, tasks_run
from tests.pipeline.run.test_run import config, corpus


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in")
    return config(tmp_path)


@pytest.mark.parametrize("merge_above", [1 << 20, 1])
def test_a_run_from_s3_to_s3(s3: Any, toy: dict[str, Any], tmp_path: Path, merge_above: int) -> None:
    local = run_inline(toy)
    for file in sorted((tmp_path / "in").iterdir()):
        s3.put_file(str(file), f"bucket/in/{file.name}")
    sources = [{"name": "toy", "format": "jsonl", "path": "s3://bucket/in/*.jsonl", "domain": "toys"}]
    engine = {"kind": "local", "workers": 2, "merge_above": merge_above}
    values = {**toy, "sources": sources, "output": "s3://bucket/run", "engine": engine}
    plan = planned(values)
    assert [file.name for shard in plan.shards for file in shard.files] == [
        "bucket/in/0.jsonl",
        "bucket/in/1.jsonl",
        "bucket/in/2.jsonl",
    ]
    merged = [name for name in tasks_run(run_inline(values)) if name.endswith(".merge")]
    assert merged == (["unique.emit.merge", "unique.reduce.merge"] if merge_above == 1 else [])
    again = run_inline(values)
    assert tasks_run(again) == {}
    reasons = [row["reason"] for row in rows_of_remote(again, s3)]
    assert reasons == [row["reason"] for row in rows_of(local, ["reason"])]


def test_ranges_of_several_objects(s3: Any, tmp_path: Path) -> None:
    for store in (Store("s3://bucket/ranges"), Store(str(tmp_path))):
        store.write_bytes("a", b"0123456789")
        store.write_bytes("b", b"abcdef")
        assert store.read_ranges([("a", 2, 3), ("b", 4, 0), ("b", 0, 6), ("a", 9, 1)]) == [b"234", b"", b"abcdef", b"9"]
        assert store.read_ranges([]) == []
        with pytest.raises(FileNotFoundError):
            store.read_ranges([("a", 0, 1), ("nothing", 0, 1)])


def rows_of_remote(result: Any, s3: Any) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    (phase,) = (phase for phase in result.phases if phase.name == "unique.verdicts")
    rows: list[dict[str, Any]] = []
    for name in phase.manifests:
        file, _ = result.store.read_json(name)["columns"]["reason"]
        rows += pq.read_table(f"bucket/run/{file}", filesystem=s3).to_pylist()
    return rows


def test_a_list_of_paths(toy: dict[str, Any], tmp_path: Path) -> None:
    import gzip

    (tmp_path / "two.paths.gz").write_bytes(gzip.compress(b"in/2.jsonl\n\nin/0.jsonl\n"))
    source = {"name": "toy", "format": "jsonl", "path": "two.paths.gz", "root": str(tmp_path)}
    plan = planned({**toy, "sources": [source]})
    assert [file.name for shard in plan.shards for file in shard.files] == ["in/0.jsonl", "in/2.jsonl"]
    (tmp_path / "bad.paths.gz").write_bytes(gzip.compress(b"in/0.jsonl\n")[:-9])
    with pytest.raises(InvalidConfigError, match=r"bad\.paths\.gz"):
        planned({**toy, "sources": [{**source, "path": "bad.paths.gz"}]})
    (tmp_path / "gone.paths").write_text("in/9.jsonl\n")
    with pytest.raises(InvalidConfigError, match=r"gone\.paths names in/9\.jsonl, but there is no file"):
        planned({**toy, "sources": [{**source, "path": "gone.paths"}]})


def test_inputs_that_are_not_there(toy: dict[str, Any], tmp_path: Path) -> None:
    for path, message in (
        (str(tmp_path / "nothing.jsonl"), "no such file or directory"),
        (str(tmp_path / "in" / "*.parquet"), "matches no files"),
        (str(tmp_path / "empty"), "no such file"),
        ("$NOT_SET/x.jsonl", "there is no environment variable NOT_SET"),
    ):
        with pytest.raises(InvalidConfigError, match=message):
            planned({**toy, "sources": [{"name": "toy", "format": "jsonl", "path": path}]})


def test_an_empty_file_is_no_documents(toy: dict[str, Any], tmp_path: Path) -> None:
    for file in (tmp_path / "in").iterdir():
        file.write_bytes(b"")
    result = run_inline(toy)
    assert result.phases[0].counters["read"] == 0
    assert rows_of(result, ["id", "reason"]) == []


def test_an_output_that_cannot_be_made(toy: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="a part of the path is a file"):
        run_inline(toy, output=str(tmp_path / "file" / "out"))


@pytest.mark.parametrize("kind", ["inline", "local"])
def test_a_full_disk(kind: str, toy: dict[str, Any], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        corpus(tmp_path / "in", [[f"document {row} {os.urandom(8).hex()}" for row in range(9000)]])
        with pytest.raises(
            (RunFailedError, StorageError), match="disk is full; free space and run the same command again"
        ):
            run_inline(toy, output=str(disk / "out"), engine={"kind": kind, "workers": 1} if kind == "local" else kind)
        assert not list((disk / "out").rglob("00000-*"))  # the shards that fit are whole
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_too_many_bad_records_fail_the_run(toy: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "in" / "bad.jsonl").write_text("not json\n" * 150)
    with pytest.raises(
        RunFailedError, match=r"150 of 158 records are bad, more than engine.max_quarantined=0.05 allows"
    ):
        run_inline(toy)
    result = run_inline(toy, engine={"kind": "inline", "max_quarantined": 1})
    assert result.phases[0].counters["quarantined"] == 150


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store in a folder, and one of objects."""
    if request.param == "local":
        return Store(str(tmp_path / "run"))
    request.getfixturevalue("s3")
    return Store(f"s3://bucket/{tmp_path.name}")


def test_files_of_a_store(store: Store) -> None:
    store.prepare()
    store.write_json("judge/b.json", {"ü": [1, 2]})
    store.write_bytes("judge/a.bin", b"0123456789")
    store.write_bytes("top", b"")
    assert store.names("judge") == ["a.bin", "b.json"]
    assert store.names("") == ["top"]
    assert store.names("nothing") == []
    assert store.folders() == ["judge"]
    assert store.exists("judge/a.bin") and not store.exists("judge/c")
    assert (store.size("judge/a.bin"), store.size("top")) == (10, 0)
    assert store.read_json("judge/b.json") == {"ü": [1, 2]}
    assert store.read_json_many(["judge/b.json", "judge/b.json"]) == [{"ü": [1, 2]}] * 2
    assert store.read_json_many([]) == []
    assert (store.read_range("judge/a.bin", 3, 4), store.read_range("judge/a.bin", 3, 0)) == (b"3456", b"")
    with store.reading("judge/a.bin") as file:
        file.seek(8)
        assert file.read() == b"89"
    store.remove("judge/a.bin")
    store.remove("judge/a.bin")
    assert store.names("judge") == ["b.json"]
    with pytest.raises(FileNotFoundError):
        store.read_bytes("judge/a.bin")


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("size", [5, 60 << 20])  # an object that large is uploaded in parts
def test_a_file_appears_whole_or_not_at_all(store: Store, size: int) -> None:
    store.write_bytes("x", b"before")
    with pytest.raises(RuntimeError, match="halfway"), store.writing("x") as file:
        file.write(bytes(size))
        assert store.read_bytes("x") == b"before"
        raise RuntimeError("halfway")
    del file  # fsspec's files upload what they have when they are collected
    gc.collect()
    assert store.read_bytes("x") == b"before"
    with store.writing("x") as file:
        file.write(bytes(size))
    assert store.size("x") == size
    assert store.names("") == ["x"]


def test_empty_folders_can_be_removed(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_bytes("full/x", b"")
    (tmp_path / "empty").mkdir()
    for folder in ("full", "empty", "nothing"):
        store.remove_folder_if_empty(folder)
    assert store.folders() == ["full"]


def test_a_place_is_a_folder_or_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Store("runs/a/").root == str(tmp_path / "runs" / "a")
    assert Store(f"file://{tmp_path}/x").path("y") == f"{tmp_path}/x/y"
    assert Store("memory://bucket/run/").path("y") == "memory://bucket/run/y"
    assert [is_remote(path) for path in ("s3://b/x", "file:///x", "/x", "a/b")] == [True, False, False, False]
    with pytest.raises(StorageError, match="cannot open nothing://x: "):
        Store("nothing://x")
