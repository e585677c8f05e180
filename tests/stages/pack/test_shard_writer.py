"""A shard's files: rows that come in blocks are those of one array."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pytest

from dspipe.stages.pack.document_table import SUFFIX
from dspipe.stages.pack.formats.parquet import ParquetRows
from dspipe.stages.pack.manifest import ROWS_SUFFIX
from dspipe.stages.pack.shard_writer import write_shard
from tests.stages.pack.made_shard import make_document_table

ROWS = np.arange(24, dtype=np.uint16).reshape(6, 4)


def files_of(format: str, blocks: list[npt.NDArray[np.uint16]]) -> dict[str, bytes]:
    files: dict[str, io.BytesIO] = {}

    @contextmanager
    def make(suffix: str) -> Iterator[BinaryIO]:
        files[suffix] = io.BytesIO()
        yield files[suffix]

    write_shard(make, format, iter(blocks), make_document_table(), 6, 4, np.uint16)
    return {suffix: file.getvalue() for suffix, file in files.items()}


@pytest.mark.parametrize("format", ROWS_SUFFIX)
def test_a_shard_is_the_same_however_its_rows_come(format: str) -> None:
    whole = files_of(format, [ROWS])
    assert set(whole) == {ROWS_SUFFIX[format], SUFFIX} | ({".idx"} if format == "megatron" else set())
    # rows of a transposed array lie elsewhere in memory than they are to be written
    found = files_of(format, [ROWS[:1], np.asfortranarray(ROWS[1:4]), ROWS[4:]])
    if format == "parquet":  # a block is a row group there
        readers: list[Any] = [ParquetRows(io.BytesIO(files[".parquet"])) for files in (whole, found)]  # type: ignore[arg-type]
        assert [[reader[i].tolist() for i in range(len(reader))] for reader in readers] == [ROWS.tolist()] * 2
        assert whole[SUFFIX] == found[SUFFIX]
        return
    assert found == whole
    assert whole[ROWS_SUFFIX[format]].endswith(ROWS.tobytes())
