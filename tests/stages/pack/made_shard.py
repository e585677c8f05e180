"""A small shard for tests: six rows of four tokens, of five documents."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from dspipe.stages.pack.document_table import Documents, DocumentTable, make_table
from dspipe.stages.pack.segments import split_documents
from dspipe.stages.pack.shard_writer import write_shard

IDS = ["a", "bb", "ccc", "für", "字"]
LENGTHS = np.array([5, 3, 9, 1, 6], np.int64)
ROWS, ROW_LENGTH = 6, 4


def make_documents(layout: list[int] | None = None) -> Documents:
    """The five documents; `layout`: of each, as in the table's module."""
    data = [id.encode() for id in IDS]
    return Documents(
        ids=np.frombuffer(b"".join(data), np.uint8),
        id_offsets=np.concatenate([[0], np.cumsum([len(id) for id in data])]).astype(np.int64),
        copy=np.array([0, 1, 0, 0, 2], np.int32),
        domain=np.array([0, 1, 0, 1, 1], np.int32),
        source=np.zeros(5, np.int32),
        domains=["code", "web"],
        sources=["made"],
        tokens=LENGTHS,
        layout=np.array(layout or [0] * 5, np.uint8),
        cuts=np.arange(10).reshape(5, 2) if layout else np.zeros((5, 2), np.int64),
    )


def make_document_table(layout: list[int] | None = None) -> DocumentTable:
    """Their table, with the documents cut into rows one behind the other."""
    return make_table(make_documents(layout), split_documents(LENGTHS, ROW_LENGTH), ROWS)


def write_made_shard(folder: Path, format: str, dtype: type[np.unsignedinteger[Any]]) -> npt.NDArray[Any]:
    """Write the shard's files as `shard<suffix>`; returns its rows."""
    rows = np.arange(ROWS * ROW_LENGTH).reshape(ROWS, ROW_LENGTH).astype(dtype)

    @contextmanager
    def make(suffix: str) -> Iterator[BinaryIO]:
        with (folder / f"shard{suffix}").open("wb") as file:
            yield file

    write_shard(make, format, iter([rows[:4], rows[4:]]), make_document_table(), ROWS, ROW_LENGTH, dtype)
    return rows
