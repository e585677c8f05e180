"""MDS shards against a reader written here from their description, and MosaicML's own where it is installed."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.stages.pack.formats.mds import ShardTooLargeError, describe_shard, index_entries, make_header
from tests.stages.pack.made_shard import write_made_shard
from tests.stages.pack.manifests import make_manifest


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_by_its_description(tmp_path: Path, dtype: type[np.unsignedinteger[Any]]) -> None:
    rows = write_made_shard(tmp_path, "mds", dtype)
    data = (tmp_path / "shard.mds").read_bytes()
    (samples,) = struct.unpack_from("<I", data)
    offsets = np.frombuffer(data, "<u4", samples + 1, 4)
    config = json.loads(data[4 + offsets.nbytes : offsets[0]])
    (encoding,) = config["column_encodings"]
    assert encoding == f"ndarray:{np.dtype(dtype).name}:4"
    assert config["column_sizes"] == [4 * np.dtype(dtype).itemsize]
    for i in range(samples):
        assert np.frombuffer(data[offsets[i] : offsets[i + 1]], dtype).tolist() == rows[i].tolist()
    assert offsets[-1] == len(data)


def test_by_its_own_reader(tmp_path: Path) -> None:
    streaming = pytest.importorskip("streaming")
    rows = write_made_shard(tmp_path, "mds", np.uint16)
    entry = describe_shard("shard.mds", (tmp_path / "shard.mds").stat().st_size, "", 6, 4, np.uint16)
    (tmp_path / "index.json").write_text(json.dumps({"version": 2, "shards": [entry]}))
    dataset = streaming.LocalDataset(str(tmp_path))
    assert [dataset[i]["tokens"].tolist() for i in range(len(dataset))] == rows.tolist()


def test_the_manifest_is_an_index_too() -> None:
    manifest = make_manifest("mds", rows=[3, 5])
    entries = index_entries(manifest)
    assert entries["version"] == 2
    assert [shard["samples"] for shard in entries["shards"]] == [3, 5]
    assert [shard["raw_data"]["basename"] for shard in entries["shards"]] == ["0.mds", "1.mds"]


def test_offsets_have_32_bits() -> None:
    make_header(1 << 18, 4096, np.uint16)
    with pytest.raises(ShardTooLargeError, match="4 GiB; set smaller shard_bytes"):
        make_header(1 << 20, 4096, np.uint16)
