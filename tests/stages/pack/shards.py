"""A small shard in any format: six rows of four tokens, of five documents."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dspipe.stages.pack.document_table import Documents, with_pieces
from dspipe.stages.pack.segments import split_pieces
from dspipe.stages.pack.shard_writer import write_shard

LENGTHS = np.array([5, 3, 9, 1, 6], np.int64)


def make_table() -> Documents:
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


def write_rows(folder: Path, format: str, dtype: type[np.unsignedinteger]) -> np.ndarray:
    pieces = split_pieces(LENGTHS, 4)
    rows = np.arange(24).reshape(6, 4).astype(dtype)

    @contextmanager
    def make(suffix: str) -> Iterator[BinaryIO]:
        with (folder / f"shard{suffix}").open("wb") as file:
            yield file

    documents = with_pieces(make_table(), pieces, 6)
    write_shard(make, format, iter([rows[:4], rows[4:]]), documents, 6, 4, dtype)
    return rows
