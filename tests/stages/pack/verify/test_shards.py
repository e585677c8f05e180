import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.config.discovery import make_stage
from dspipe.pipeline.report.verify import verify_run as verify_finished_run
from dspipe.stages.pack.reading.reader import PackedDataset
from dspipe.stages.pack.reading.shard_files import ShardError
from dspipe.stages.pack.verify.shards import verify_run, verify_shards
from tests.engine import run_inline
from tests.stages.pack.runs import make_config, make_documents


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    run_inline(make_config(folder, make_documents(200), length=64, remix={"temperature": 3}))
    return folder / "run"


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "run")
    return tmp_path / "run"


def part(run: Path, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "index.json").read_text())["parts"][number]
    return found


def change(run: Path, suffix: str, edit: Callable[[bytearray], None], honest: bool = False) -> None:
    """Change a file of the first shard; `honest`: and its checksum in the manifest."""
    index = json.loads((run / "index.json").read_text())
    entry = index["parts"][0]["files"][suffix]
    data = bytearray((run / entry["name"]).read_bytes())
    edit(data)
    (run / entry["name"]).write_bytes(data)
    if honest:
        entry["sha256"], entry["bytes"] = hashlib.sha256(data).hexdigest(), len(data)
        (run / "index.json").write_text(json.dumps(index))


def test_all_is_well(made: Path) -> None:
    report = verify_run(made, sample=1000)
    assert report.ok
    assert report.skipped == []
    assert (
        report.checked["rows"] == report.checked["round trips"] == json.loads((made / "index.json").read_text())["rows"]
    )
    assert report.checked["drawn documents"] > 150


def test_the_stage_verifies_its_run(made: Path, run: Path) -> None:
    stage = make_stage("pack", {}, 1)
    problems, checked = stage.verify(str(made))
    assert problems == []
    assert checked["rows"] > 0
    change(run, ".bin", lambda data: data.__setitem__(slice(0, 2), b"z\0"))
    assert stage.verify(str(run))[0]


@pytest.mark.parametrize("suffix", [".bin", ".idx", ".documents.safetensors"])
def test_one_bit(run: Path, suffix: str) -> None:
    def flip(data: bytearray) -> None:
        data[len(data) // 2] ^= 1

    change(run, suffix, flip)
    assert any("was changed" in problem for problem in verify_run(run).problems)


@pytest.mark.parametrize("suffix", [".bin", ".idx", ".documents.safetensors"])
def test_cut_short(run: Path, suffix: str) -> None:
    def cut(data: bytearray) -> None:
        del data[-10:]

    change(run, suffix, cut)
    assert any("the manifest says" in problem for problem in verify_run(run).problems)


def test_missing(run: Path) -> None:
    (run / part(run)["files"][".bin"]["name"]).unlink()
    assert any("is missing" in problem for problem in verify_run(run).problems)


def test_another_token_with_an_honest_checksum(run: Path) -> None:
    change(run, ".bin", lambda data: data.__setitem__(slice(0, 2), b"z\0"), honest=True)
    assert any("are not those of its text" in problem for problem in verify_run(run, sample=1000).problems)


def test_an_id_out_of_range(run: Path) -> None:
    change(run, ".bin", lambda data: data.__setitem__(slice(0, 2), b"\xff\xff"), honest=True)
    assert any("id 65535 is not below 262" in problem for problem in verify_run(run, sample=0).problems)


def test_an_index_of_other_rows(run: Path) -> None:
    change(run, ".idx", lambda data: data.__setitem__(34, 63), honest=True)
    assert any("other rows" in problem for problem in verify_run(run, sample=0).problems)


def test_a_document_too_few_and_one_too_many(run: Path) -> None:
    """As if a document had been packed under another one's name."""

    def rename(data: bytearray) -> None:
        at = data.index(b"doc-117")
        data[at : at + 7] = b"doc-118"

    change(run, ".documents.safetensors", rename, honest=True)
    problems = verify_run(run, sample=0).problems
    assert any("missing in the shards: doc-117 " in problem for problem in problems)
    assert any("too many in the shards: doc-118 " in problem for problem in problems)


def test_another_tokenizer_or_plan(run: Path) -> None:
    for name in ("tokenizer.json", "mixture.json"):
        data = (run / name).read_bytes()
        (run / name).write_bytes(data + b" ")
        assert any(f"{name} is another" in problem for problem in verify_run(run, sample=0).problems)
        (run / name).write_bytes(data)


def test_counts_of_the_manifest(run: Path) -> None:
    index = json.loads((run / "index.json").read_text())
    index["parts"][0]["domains"]["web"] += 1
    index["tokens"] += 1
    (run / "index.json").write_text(json.dumps(index))
    problems = verify_run(run, sample=0).problems
    assert any("domains is" in problem for problem in problems)
    assert any("all shards: tokens is" in problem for problem in problems)


def test_a_plan_that_draws_more(run: Path) -> None:
    plan = json.loads((run / "mixture.json").read_text())
    plan["domains"][0]["tokens_drawn"] += 5000
    index = json.loads((run / "index.json").read_text())
    (run / "mixture.json").write_text(json.dumps(plan))
    index["mixture_sha256"] = hashlib.sha256((run / "mixture.json").read_bytes()).hexdigest()
    (run / "index.json").write_text(json.dumps(index))
    assert any("the plan draws" in problem for problem in verify_run(run, sample=0).problems)


def test_shards_by_themselves(made: Path) -> None:
    report = verify_shards(made)
    assert report.ok
    assert len(report.skipped) == 3
    assert "round trips" not in report.checked


def test_no_shards(tmp_path: Path) -> None:
    with pytest.raises(ShardError):
        verify_shards(tmp_path)


@pytest.mark.parametrize("format", ["mds", "parquet"])
def test_the_other_formats(tmp_path: Path, format: str) -> None:
    run_inline(make_config(tmp_path, make_documents(), length=64, format=format))
    assert verify_run(tmp_path / "run").ok
    suffix = f".{format}"
    name = part(tmp_path / "run")["files"][suffix]["name"]
    data = np.fromfile(tmp_path / "run" / name, np.uint8)
    data[4] ^= 1
    data.tofile(tmp_path / "run" / name)
    assert not verify_run(tmp_path / "run").ok


def test_a_run_on_a_remote_storage(made: Path, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    config = make_config(tmp_path, make_documents(200), length=64, remix={"temperature": 3})
    run_inline({**config, "output": "memory://verify/run"})
    found = verify_finished_run("memory://verify/run")
    assert found.problems == []
    assert found.checked["pack: rows"] > 0
    assert found.checked["pack: round trips"] > 0
    data = PackedDataset("memory://verify/run", copies=tmp_path / "copies")
    assert [sample["tokens"].tolist() for sample in data] == [s["tokens"].tolist() for s in PackedDataset(made)]
    for number in range(len(data.shards.parts)):
        name = data.shards.parts[number].files[".bin"].name
        memory.pipe(f"/verify/run/{name}", memory.cat(f"/verify/run/{name}")[:-2])
    assert any("its checksum differs" in problem for problem in verify_run("memory://verify/run").problems)
    memory.rm(f"/verify/run/{name}")
    assert any("is missing" in problem for problem in verify_run("memory://verify/run").problems)
    with pytest.raises(ShardError, match="no packed shards"):
        PackedDataset("memory://verify/nothing")
    memory.rm("/verify", recursive=True)
