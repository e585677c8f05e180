import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from dspipe.stages.pack.document_table import SUFFIX
from dspipe.stages.pack.manifest import ShardFile
from dspipe.stages.pack.reading.shard_files import ShardError, Shards, find_index
from tests.engine import run_inline
from tests.stages.pack.manifests import make_manifest
from tests.stages.pack.runs import make_config, make_documents


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run_inline(make_config(tmp_path, make_documents(), length=32, shard_bytes=65536))
    return tmp_path / "run"


def test_the_index_is_found_by_file_folder_and_run(run: Path) -> None:
    assert find_index(run) == find_index(run / "index.json") == run / "index.json"
    (run / "index.json").unlink()  # as while a run goes on: it is put there at the end
    assert find_index(run).parent.name == "shards" == find_index(run / "shards").parent.name
    assert Shards(run).rows > 0
    with pytest.raises(ShardError, match=r"it has neither index\.json nor shards/"):
        find_index(run / "pack.rows")


def test_rows_are_numbered_over_all_shards(run: Path) -> None:
    shards = Shards(run)
    assert len(shards.parts) >= 2
    numbers = [shards.find_row(row) for row in range(shards.rows)]
    assert numbers == [(shard, row) for shard, part in enumerate(shards.parts) for row in range(part.rows)]
    assert all(shards.first_row(shard) + row == number for number, (shard, row) in enumerate(numbers))
    assert [len(shards.tokens(shard)) for shard in range(len(shards.parts))] == [part.rows for part in shards.parts]


def test_files_beside_the_index_and_moved_with_it(run: Path, tmp_path: Path) -> None:
    shards = Shards(run)
    moved = tmp_path / "elsewhere"
    for file in [file for part in shards.parts for file in part.files.values()]:
        target = moved / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        (run / file.name).rename(target)
    (run / "index.json").rename(moved / "index.json")
    again = Shards(moved)
    assert np.asarray(again.tokens(0)[0]).shape == (32,)
    assert again.sha256 == shards.sha256


def test_damage_is_named(run: Path) -> None:
    shards = Shards(run)
    path = shards.local_path(0, ".bin")
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(ShardError, match="the manifest says"):
        Shards(run).tokens(0)
    path.unlink()
    with pytest.raises(ShardError, match="is missing beside"):
        Shards(run).tokens(0)


def test_rows_of_another_size_than_stated(tmp_path: Path) -> None:
    manifest = make_manifest(rows=[3])
    manifest.parts[0].files[".bin"] = ShardFile("0.bin", 22, "")
    (tmp_path / "index.json").write_text(json.dumps(manifest.as_json()))
    (tmp_path / "0.bin").write_bytes(bytes(22))
    with pytest.raises(ShardError, match="has 22 bytes, 3 rows need 24"):
        Shards(tmp_path).tokens(0)
    with pytest.raises(ShardError, match=r"names no \.idx of shard 0"):
        Shards(tmp_path).local_path(0, ".idx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no manifest of packed shards"),
        ("[]", "no manifest of packed shards"),
        ('{"version": 2, "shards": []}', "it has no 'format'"),
        (json.dumps({**make_manifest().as_json(), "format": "tar"}), "names the format 'tar'; known are megatron"),
    ],
)
def test_another_file_is_no_index(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "index.json").write_text(content)
    with pytest.raises(ShardError, match=message):
        Shards(tmp_path)


def test_copies_for_other_processes_hold_no_tokens(run: Path) -> None:
    shards = Shards(run)
    for number in range(len(shards.parts)):
        shards.tokens(number), shards.table(number)
    data = pickle.dumps(shards)
    assert len(data) < 20_000 < sum(shards.local_path(n, s).stat().st_size for n in range(2) for s in (".bin", SUFFIX))
    again = pickle.loads(data)
    assert np.asarray(again.tokens(0)[0]).tolist() == np.asarray(shards.tokens(0)[0]).tolist()
