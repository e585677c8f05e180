"""Formats against readers written here from the formats' own descriptions, and the makers' readers where installed."""

import io
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from dspipe.stages.pack.document_table import SUFFIX, Documents, load_documents, with_pieces
from dspipe.stages.pack.formats import mds, megatron
from dspipe.stages.pack.formats.parquet import ParquetRows
from dspipe.stages.pack.formats.safetensors import load_arrays, save_arrays
from dspipe.stages.pack.segments import split_pieces
from dspipe.stages.pack.shard_writer import write_shard

LENGTHS = np.array([5, 3, 9, 1, 6], np.int64)


def table() -> Documents:
    ids = ["a", "bb", "ccc", "für", "字"]
    data = [id.encode() for id in ids]
    arrays: dict[str, np.ndarray] = {
        "tokens": LENGTHS,
        "copy": np.array([0, 1, 0, 0, 2], np.int32),
        "domain": np.array([0, 1, 0, 1, 1], np.int32),
        "source": np.zeros(5, np.int32),
        "layout": np.zeros(5, np.uint8),
        "cuts": np.zeros((5, 2), np.int64),
        "ids": np.frombuffer(b"".join(data), np.uint8),
        "id_offsets": np.concatenate([[0], np.cumsum([len(id) for id in data])]).astype(np.int64),
    }
    return Documents(arrays, ["code", "web"], ["made"])


def written(folder: Path, format: str, dtype: type[np.unsignedinteger]) -> np.ndarray:
    pieces = split_pieces(LENGTHS, 4)
    rows = np.arange(24).reshape(6, 4).astype(dtype)

    @contextmanager
    def make(suffix: str) -> Iterator[BinaryIO]:
        with (folder / f"shard{suffix}").open("wb") as file:
            yield file

    documents = with_pieces(table(), pieces, 6)
    write_shard(make, format, iter([rows[:4], rows[4:]]), documents, 6, 4, dtype)
    return rows


@pytest.mark.parametrize(("dtype", "code"), [(np.uint16, 8), (np.uint32, 4)])
def test_megatron_by_its_description(tmp_path: Path, dtype: type[np.unsignedinteger], code: int) -> None:
    rows = written(tmp_path, "megatron", dtype)
    data = (tmp_path / "shard.idx").read_bytes()
    assert data[:9] == b"MMIDIDX\x00\x00"
    version, found, sequences, documents = struct.unpack("<QBQQ", data[9:34])
    assert (version, found, sequences, documents) == (1, code, 6, 7)
    lengths = np.frombuffer(data, "<i4", sequences, 34)
    pointers = np.frombuffer(data, "<i8", sequences, 34 + 4 * sequences)
    indices = np.frombuffer(data, "<i8", documents, 34 + 12 * sequences)
    assert len(data) == 34 + 12 * sequences + 8 * documents
    stored = (tmp_path / "shard.bin").read_bytes()
    theirs = {8: np.uint16, 4: np.int32}[code]  # the types that Megatron's reader knows under these codes
    for i in range(sequences):
        assert np.frombuffer(stored, theirs, lengths[i], pointers[i]).tolist() == rows[i].tolist()
    assert indices.tolist() == list(range(7))
    assert megatron.check_index(data, 6, 4, dtype) is None
    assert "bytes" in str(megatron.check_index(data[:-8], 6, 4, dtype))
    assert "other rows" in str(megatron.check_index(data[:40] + b"\1" + data[41:], 6, 4, dtype))


def test_megatron_by_its_own_reader(tmp_path: Path) -> None:
    indexed_dataset = pytest.importorskip("megatron.core.datasets.indexed_dataset")
    rows = written(tmp_path, "megatron", np.uint32)
    dataset = indexed_dataset.IndexedDataset(str(tmp_path / "shard"))
    assert [dataset[i].tolist() for i in range(len(dataset))] == rows.tolist()


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_mds_by_its_description(tmp_path: Path, dtype: type[np.unsignedinteger]) -> None:
    rows = written(tmp_path, "mds", dtype)
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
    rows = written(tmp_path, "mds", np.uint16)
    entry = mds.shard_entry("shard.mds", (tmp_path / "shard.mds").stat().st_size, "", 6, 4, np.uint16)
    (tmp_path / "index.json").write_text(json.dumps({"version": 2, "shards": [entry]}))
    dataset = streaming.LocalDataset(str(tmp_path))
    assert [dataset[i]["tokens"].tolist() for i in range(len(dataset))] == rows.tolist()


def test_mds_has_32_bit_offsets() -> None:
    with pytest.raises(ValueError, match="4 GiB"):
        mds.header(1 << 20, 4096, np.uint16)


def test_parquet(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    rows = written(tmp_path, "parquet", np.uint16)
    found = pq.read_table(tmp_path / "shard.parquet").to_pylist()
    assert [row["tokens"] for row in found] == rows.tolist()
    first = {"id": "a", "domain": "code", "source": "made", "copy": 0, "column": 0, "length": 4, "start": 0}
    assert found[0]["documents"] == [first]
    assert [(piece["id"], piece["start"], piece["length"]) for piece in found[4]["documents"]] == [
        ("ccc", 8, 1),
        ("für", 0, 1),
        ("字", 0, 2),
    ]
    reader = ParquetRows(tmp_path / "shard.parquet")
    assert [reader[i].tolist() for i in (5, 0, 3)] == [rows[i].tolist() for i in (5, 0, 3)]


def test_the_table_of_documents(tmp_path: Path) -> None:
    written(tmp_path, "megatron", np.uint16)
    documents = load_documents(tmp_path / f"shard{SUFFIX}")
    assert [documents.id(i) for i in range(documents.count)] == ["a", "bb", "ccc", "für", "字"]
    assert documents.arrays["row_pieces"].tolist() == [0, 1, 3, 4, 5, 8, 9]
    assert documents.arrays["piece_column"].tolist() == [0, 0, 1, 0, 0, 0, 1, 2, 0]
    assert documents.begun().tolist() == [0, 1, 2, 3, 4]
    assert documents.tokens_by(documents.domains, "domain") == {"code": 14, "web": 10}
    assert "cuts" not in documents.arrays


def test_part_of_a_table() -> None:
    pieces = split_pieces(LENGTHS, 4)
    chosen = pieces[5:7]  # the ends of the third and the fourth document
    part = with_pieces(table(), chosen, 1)
    assert [part.id(i) for i in range(part.count)] == ["ccc", "für"]
    assert part.begun().tolist() == [1]


def test_arrays_are_safetensors(tmp_path: Path) -> None:
    arrays: dict[str, np.ndarray] = {
        "small": np.arange(3, dtype=np.uint8),
        "empty": np.empty((0, 2), np.int64),
        "wide": np.arange(4, dtype=np.uint64),
    }
    out = io.BytesIO()
    save_arrays(out, arrays, {"names": '["ü"]'})
    (tmp_path / "x").write_bytes(out.getvalue())
    found, metadata = load_arrays(tmp_path / "x")
    assert metadata == {"names": '["ü"]'}
    assert {name: array.tolist() for name, array in found.items()} == {k: v.tolist() for k, v in arrays.items()}
    for length in (4, 20, len(out.getvalue()) - 1):
        (tmp_path / "short").write_bytes(out.getvalue()[:length])
        with pytest.raises(ValueError, match="cut short"):
            load_arrays(tmp_path / "short")
