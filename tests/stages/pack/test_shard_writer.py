"""A shard's files: rows that come in blocks are those of one array."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import pytest

from dspipe.stages.pack.document_table import SUFFIX, with_pieces
from dspipe.stages.pack.segments import split_pieces
from dspipe.stages.pack.shard_writer import ROWS_SUFFIX, write_shard
from tests.stages.pack.shards import LENGTHS, make_table

ROWS = np.arange(24, dtype=np.uint16).reshape(6, 4)


def files_of(format: str, blocks: list[np.ndarray]) -> dict[str, bytes]:
    files: dict[str, io.BytesIO] = {}

    @contextmanager
    def make(suffix: str) -> Iterator[BinaryIO]:
        files[suffix] = io.BytesIO()
        yield files[suffix]

    documents = with_pieces(make_table(), split_pieces(LENGTHS, 4), 6)
    write_shard(make, format, iter(blocks), documents, 6, 4, np.uint16)
    return {suffix: file.getvalue() for suffix, file in files.items()}


@pytest.mark.parametrize("format", ROWS_SUFFIX)
def test_a_shard_is_the_same_however_its_rows_come(format: str) -> None:
    whole = files_of(format, [ROWS])
    assert set(whole) == {ROWS_SUFFIX[format], SUFFIX} | ({".idx"} if format == "megatron" else set())
    # rows of a transposed array lie elsewhere in memory than they are to be written
    parts = [ROWS[:1], np.asfortranarray(ROWS[1:4]), ROWS[4:]]
    found = files_of(format, parts)
    if format == "parquet":  # a block is a row group there
        from dspipe.stages.pack.formats.parquet import ParquetRows

        readers = [ParquetRows(io.BytesIO(files[".parquet"])) for files in (whole, found)]  # type: ignore[arg-type]
        assert [[reader[i].tolist() for i in range(len(reader))] for reader in readers] == [ROWS.tolist()] * 2
        assert whole[SUFFIX] == found[SUFFIX]
        return
    assert found == whole
    assert whole[ROWS_SUFFIX[format]].endswith(ROWS.tobytes())
