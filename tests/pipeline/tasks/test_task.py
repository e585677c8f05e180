"""A task: what it may read and write, and the manifest that it leaves, or nothing."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.artifact_file import ArtifactFile
from dspipe.pipeline.tasks.spec import TaskSpec
from dspipe.pipeline.tasks.task import Task, execute

SCHEMA = pa.schema([("x", pa.int64())])


def spec(folder: Path, runner: str, **fields: Any) -> TaskSpec:
    values: dict[str, Any] = {
        "key": "0123456789abcdef",
        "phase": "toy.make",
        "label": "00003",
        "runner": f"{__name__}:{runner}",
        "payload": {},
        "root": str(folder),
        "seed": 5,
        "memory": 1 << 20,
        "batch_rows": 10,
        "batch_bytes": 1000,
        "shards": 4,
        "number": 3,
    }
    return TaskSpec(**values | fields)


def report(documents: int = 0, bytes: int = 0, share: float = 0.0) -> None:
    pass


def do_everything(task: Task, payload: dict[str, Any]) -> None:
    task.emit(np.array([1, 0]), pa.record_batch({"x": pa.array([1, 2])}))
    task.write(pa.record_batch({"x": pa.array([7, 8])}))
    with task.make("model", ".bin") as file:
        file.write(b"model")
    task.count("made", 2)
    task.count("made")
    task.note("said", payload.get("say"))
    task.keep_quarantined([{"id": "ü", "error": "bad"}])
    if payload.get("fail"):
        raise RuntimeError("at the end")


def read_what_is_not_named(task: Task, payload: dict[str, Any]) -> None:
    getattr(task, payload["method"])(*payload["arguments"])


def test_a_manifest_names_all_that_was_made(tmp_path: Path) -> None:
    made = spec(
        tmp_path, "do_everything", payload={"say": "hello"}, over="inputs", emits="sent", partitions=2,
        writes=SCHEMA.serialize().to_pybytes().hex(),
    )  # fmt: skip
    manifest = execute(made, report)
    assert json.loads((tmp_path / made.manifest_file).read_text()) == manifest
    assert (manifest["key"], manifest["task"], manifest["groups"]) == ("0123456789abcdef", "00003", [2])
    assert (manifest["counters"], manifest["notes"]) == ({"made": 3}, {"said": "hello"})
    files = {file["kind"]: file for file in manifest["files"]}
    assert {kind: file["file"] for kind, file in files.items()} == {
        "rows": "toy.make/00003-0123456789ab.parquet",
        "artifact": "toy.make/00003-0123456789ab.model.bin",
        "quarantine": "toy.make/00003-0123456789ab.quarantine.jsonl",
        "exchange": "toy.make/00003-0123456789ab.exchange",
    }
    for file in files.values():
        assert (tmp_path / file["file"]).stat().st_size == file["bytes"]
    assert pq.read_table(tmp_path / files["rows"]["file"]).column("x").to_pylist() == [7, 8]
    assert manifest["columns"] == {"x": [files["rows"]["file"], manifest["columns"]["x"][1]]}
    assert (files["exchange"]["name"], files["exchange"]["records"]) == ("sent", 2)
    assert json.loads((tmp_path / files["quarantine"]["file"]).read_text()) == {"error": "bad", "id": "ü"}


def test_a_task_that_fails_leaves_no_manifest_and_no_columns(tmp_path: Path) -> None:
    failing = spec(
        tmp_path, "do_everything", payload={"fail": True}, over="inputs", emits="sent", partitions=2,
        writes=SCHEMA.serialize().to_pybytes().hex(),
    )  # fmt: skip
    with pytest.raises(RuntimeError, match="at the end"):
        execute(failing, report)
    left = sorted(path.name for path in (tmp_path / "toy.make").iterdir())
    assert left == ["00003-0123456789ab.model.bin", "00003-0123456789ab.quarantine.jsonl"]


def test_a_probe_writes_nothing(tmp_path: Path) -> None:
    probe = replace(spec(tmp_path, "only_a_note"), probe=[0, 1])
    assert execute(probe, report) == {"notes": {"records": 9}}
    assert list(tmp_path.iterdir()) == []


def only_a_note(task: Task, payload: dict[str, Any]) -> None:
    task.note("records", 9)


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("write", [None], "toy.make 00003 writes no row columns"),
        ("emit", [None, None], "toy.make 00003 emits nothing"),
        ("own_artifact", ["ids"], "reads the artifact ids, which its phase doesn't name in own_artifacts"),
        ("artifact", ["ids"], "toy.make 00003 reads nothing of other phases"),
    ],
)
def test_what_a_phase_does_not_name(tmp_path: Path, method: str, arguments: list[Any], message: str) -> None:
    payload = {"method": method, "arguments": arguments}
    with pytest.raises(ValueError, match=message):
        execute(spec(tmp_path, "read_what_is_not_named", payload=payload), report)


def test_columns_and_shard_numbers_that_a_phase_does_not_name(tmp_path: Path) -> None:
    task = Task(spec(tmp_path, ""), Store(str(tmp_path)), report)
    with pytest.raises(KeyError, match=r"toy\.make 00003 reads columns that its phase doesn't name: text, url"):
        next(task.rows(["text", "url"]))
    with pytest.raises(ValueError, match="has no shard number: it reads no exchange over shards"):
        _ = task.shard
    assert Task(spec(tmp_path, "", exchange="x"), Store(str(tmp_path)), report).shard == 3
    assert Task(spec(tmp_path, "", over="partitions"), Store(str(tmp_path)), report).partition == 3
    assert task.partition is None


def test_an_artifact_of_a_remote_run_is_copied_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = Store("memory://task-tests/run")
    store.write_bytes("a/model.bin", b"model")
    sha256 = hashlib.sha256(b"model").hexdigest()
    file = ArtifactFile(store, 0, "a/model.bin", 5, sha256)
    path = Path(file.path())
    assert (path.parent, path.suffix, path.read_bytes()) == (tmp_path, ".bin", b"model")
    fsspec.filesystem("memory").rm("/task-tests", recursive=True)
    assert file.path() == str(path)  # without asking again
    local = ArtifactFile(Store(str(tmp_path)), 0, path.name, 5, sha256)
    assert local.path() == str(path)
    with local.open() as opened:
        assert opened.read() == local.read() == b"model"
    path.write_bytes(b"other")
    with pytest.raises(FileNotFoundError):
        file.path()  # a copy that was changed isn't taken
