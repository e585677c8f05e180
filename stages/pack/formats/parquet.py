"""Rows as Parquet: `tokens`, and which documents they are.

tokens      list<uint16 or uint32>[row length]
documents   list<struct<id, domain, source: string; copy: int32; column, length: int32; start: int64>>
            one for each segment: `length` tokens from `column` on are the document's stream from `start` on
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from dspipe.stages.pack.document_table import DocumentTable

GROUP_TOKENS = 1 << 20
"""Tokens in a row group: what a reader decodes to get at one row."""


def write_rows(file: BinaryIO, blocks: Iterator[npt.NDArray[Any]], table: DocumentTable, row_length: int) -> None:
    """Write blocks of rows, each (rows, row_length), with their documents."""
    writer: pq.ParquetWriter | None = None
    group = max(1, GROUP_TOKENS // row_length)
    first = 0
    for block in blocks:
        for start in range(0, len(block), group):
            rows = block[start : start + group]
            values = pa.array(np.ascontiguousarray(rows).reshape(-1))
            offsets = pa.array(np.arange(len(rows) + 1, dtype=np.int32) * row_length)
            tokens = pa.ListArray.from_arrays(offsets, values)
            documents = _describe_rows(table, first, first + len(rows))
            columns = pa.table({"tokens": tokens, "documents": documents})
            if writer is None:
                writer = pq.ParquetWriter(file, columns.schema, compression="zstd", use_dictionary=False)
            writer.write_table(columns, row_group_size=group)
            first += len(rows)
        del block, rows, values, tokens, columns  # before the next one is made
    if writer is None:
        raise ValueError("a shard has at least one row")
    writer.close()


class ParquetRows:
    """Rows of a Parquet shard by number; keeps the row group that was read last."""

    def __init__(self, path: Path | str) -> None:
        self._file = pq.ParquetFile(path, memory_map=True)
        groups = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        self._ends = np.cumsum(groups)
        self._kept: tuple[int, npt.NDArray[Any]] | None = None

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    def __getitem__(self, row: int) -> npt.NDArray[Any]:
        group = int(np.searchsorted(self._ends, row, side="right"))
        if self._kept is None or self._kept[0] != group:
            column = self._file.read_row_group(group, columns=["tokens"], use_threads=False).column("tokens")
            rows = column.combine_chunks()
            self._kept = group, rows.flatten().to_numpy(zero_copy_only=False).reshape(len(rows), -1)
        kept = self._kept[1]
        answer: npt.NDArray[Any] = kept[row - int(self._ends[group]) + len(kept)]
        return answer


def _describe_rows(table: DocumentTable, start: int, end: int) -> pa.Array:
    """The column `documents` of the rows start..end."""
    documents = table.documents
    offsets = np.asarray(table.row_segments[start : end + 1])
    segments = slice(int(offsets[0]), int(offsets[-1]))
    document = np.asarray(table.segment_document[segments], np.int64)
    ids = pa.LargeStringArray.from_buffers(
        len(documents), pa.py_buffer(np.ascontiguousarray(documents.id_offsets)), pa.py_buffer(documents.ids)
    )
    fields = {
        "id": ids.take(pa.array(document)).cast(pa.string()),
        "domain": pa.array(documents.domains, pa.string()).take(pa.array(documents.domain[document])),
        "source": pa.array(documents.sources, pa.string()).take(pa.array(documents.source[document])),
        "copy": pa.array(documents.copy[document]),
        "column": pa.array(table.segment_column[segments]),
        "length": pa.array(table.segment_length[segments]),
        "start": pa.array(table.segment_start[segments]),
    }
    values = pa.StructArray.from_arrays(list(fields.values()), list(fields))
    return pa.ListArray.from_arrays(pa.array((offsets - offsets[0]).astype(np.int32)), values)
