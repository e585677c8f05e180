"""MDS against a reader written here from its description, and its own where installed."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from dspipe.stages.pack.formats import mds
from tests.stages.pack.shards import write_rows


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_mds_by_its_description(tmp_path: Path, dtype: type[np.unsignedinteger]) -> None:
    rows = write_rows(tmp_path, "mds", dtype)
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


def test_mds_by_its_own_reader(tmp_path: Path) -> None:
    streaming = pytest.importorskip("streaming")
    rows = write_rows(tmp_path, "mds", np.uint16)
    entry = mds.shard_entry("shard.mds", (tmp_path / "shard.mds").stat().st_size, "", 6, 4, np.uint16)
    (tmp_path / "index.json").write_text(json.dumps({"version": 2, "shards": [entry]}))
    dataset = streaming.LocalDataset(str(tmp_path))
    assert [dataset[i]["tokens"].tolist() for i in range(len(dataset))] == rows.tolist()


def test_mds_has_32_bit_offsets() -> None:
    with pytest.raises(ValueError, match="4 GiB"):
        mds.header(1 << 20, 4096, np.uint16)
