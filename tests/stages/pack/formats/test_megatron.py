"""Megatron's files against a reader written here from their description, and Megatron's own where it is installed."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.stages.pack.formats.megatron import check_index
from tests.stages.pack.made_shard import write_made_shard


@pytest.mark.parametrize(("dtype", "code"), [(np.uint16, 8), (np.uint32, 4)])
def test_by_its_description(tmp_path: Path, dtype: type[np.unsignedinteger[Any]], code: int) -> None:
    rows = write_made_shard(tmp_path, "megatron", dtype)
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


def test_by_its_own_reader(tmp_path: Path) -> None:
    indexed_dataset = pytest.importorskip("megatron.core.datasets.indexed_dataset")
    rows = write_made_shard(tmp_path, "megatron", np.uint32)
    dataset = indexed_dataset.IndexedDataset(str(tmp_path / "shard"))
    assert [dataset[i].tolist() for i in range(len(dataset))] == rows.tolist()


def test_another_index_is_found_out(tmp_path: Path) -> None:
    write_made_shard(tmp_path, "megatron", np.uint16)
    data = (tmp_path / "shard.idx").read_bytes()
    assert check_index(data, 6, 4, np.uint16) is None
    assert "bytes" in str(check_index(data[:-8], 6, 4, np.uint16))
    assert "other rows" in str(check_index(data[:40] + b"\1" + data[41:], 6, 4, np.uint16))
    assert "other rows" in str(check_index(data, 6, 4, np.uint32))
