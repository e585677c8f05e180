"""What is no shard, or isn't whole, is a sentence that names the file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.stages.pack.statistics.count import count_shards
from dspipe.stages.pack.statistics.find_files import find_shards
from tests.stages.pack.statistics.foreign import write_mds, write_megatron, write_tokenizer


def refused(path: Path, tokenizer: Path | None = None) -> str:
    with pytest.raises(ValueError) as error:
        count_shards(find_shards(path, tokenizer))
    return str(error.value)


def test_no_shards(tmp_path: Path) -> None:
    assert "holds neither a run (run.json) nor packed shards (index.json" in refused(tmp_path)
    assert "no such file or directory" in refused(tmp_path / "none.mds")
    (tmp_path / "a.txt").write_text("x")
    assert "a.txt is no shard that is known: .bin with .idx, .mds, .parquet" in refused(tmp_path / "a.txt")
    (tmp_path / "index.json").write_text("[]")
    assert "index.json is no index of MDS shards" in refused(tmp_path)


def test_megatron_that_is_cut(tmp_path: Path) -> None:
    path = write_megatron(tmp_path / "a", [[1, 2], [3]], "uint16")
    path.write_bytes(path.read_bytes()[:-1])
    assert "a.bin is cut: it has 5 bytes, its index 6" in refused(path)
    index = path.with_suffix(".idx")
    whole = index.read_bytes()
    index.write_bytes(whole[:-3])
    assert "a.idx is cut" in refused(path)
    index.write_bytes(b"x" + whole[1:])
    assert "a.idx is no index of Megatron's" in refused(path)
    index.write_bytes(whole[:17] + b"\7" + whole[18:])
    assert "its ids are of type 7" in refused(path)
    index.unlink()
    assert "a.idx is missing" in refused(path)


def test_mds_that_is_cut_or_has_no_ids(tmp_path: Path) -> None:
    tokens = np.array([1, 2], "<u2").tobytes()
    index = write_mds(tmp_path, [{"tokens": tokens}] * 3, {"tokens": "ndarray:uint16:2"}, {"tokens": 4})
    shard = tmp_path / "shard.00000.mds"
    shard.write_bytes(shard.read_bytes()[:-1])
    assert "shard.00000.mds is cut" in refused(tmp_path)
    assert "shard.00000.mds is cut" in refused(shard)
    shard.unlink()
    assert "shard.00000.mds is missing" in refused(index)
    write_mds(tmp_path, [{"text": b"x"}], {"text": "str"}, {"text": None})
    assert "has no column tokens or input_ids of token ids; its columns are text" in refused(tmp_path)
    write_mds(tmp_path, [{"tokens": b"x"}], {"tokens": "pkl"}, {"tokens": None})
    assert "the column of token ids is pkl; known are ndarray and bytes" in refused(tmp_path)


def test_parquet_without_ids(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "a.parquet")
    assert "has no column tokens or input_ids of lists of ids; its columns are ['text']" in refused(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    assert "a.parquet is no Parquet file, or is cut" in refused(tmp_path / "a.parquet")


def test_a_tokenizer_that_is_none(tmp_path: Path) -> None:
    path = write_megatron(tmp_path / "a", [[1, 2]], "uint16")
    assert "none.json: No such file or directory" in refused(path, tmp_path / "none.json")
    (tmp_path / "none.json").write_text("[]")
    assert "none.json is no tokenizer.json" in refused(path, tmp_path / "none.json")
    write_tokenizer(tmp_path / "tokenizer.json")
    assert find_shards(path, tmp_path).names.vocabulary == 29
