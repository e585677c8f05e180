"""Files of token ids in rows, of every format that is known, read a few million tokens at a time.

A block is (ids, row_ends): one array of ids, and where each row ends in it (int64).
"""

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dspipe.stages.pack.document_table import SUFFIX, load_table
from dspipe.stages.pack.formats import mds_reading, megatron_reading
from dspipe.stages.pack.formats.mds_reading import MdsShard

BLOCK_TOKENS = 1 << 22
"""tokens that are looked at together: a longer row is a block by itself"""
Int64 = npt.NDArray[np.int64]
Block = tuple[npt.NDArray[Any], Int64]


class TokenFileError(ValueError):
    """A file of token ids that isn't one, or isn't whole."""


@dataclass(frozen=True)
class KnownDocuments:
    """What a file beside the ids says of its documents."""

    lengths: Int64
    """tokens of each that begins in the file, all of them, wherever they are"""
    tokens: int | None
    """of documents in the file, without padding; None: it doesn't say"""
    said_by: str


class TokenFile(Protocol):
    """One file of rows of token ids."""

    path: Path
    """the file that the ids are in"""
    bytes: int

    def blocks(self) -> Iterator[Block]:
        """The rows, in order. Raises TokenFileError, MdsError, ArrowInvalid."""

    def documents(self) -> KnownDocuments | None:
        """The documents, where a file beside the ids says which they are."""


class MegatronFile:
    """A `.bin` and its `.idx`."""

    def __init__(self, path: Path) -> None:
        """path: the `.bin`. Raises TokenFileError, MegatronIndexError."""
        self.path = path
        for file in (path, path.with_suffix(".idx")):
            if not file.is_file():
                raise TokenFileError(f"{file} is missing: a shard of Megatron's is a .bin and an .idx of the same name")
        self.index = megatron_reading.read_index(path.with_suffix(".idx"))
        self.bytes = path.stat().st_size
        if self.bytes < self.index.stored_bytes:
            raise TokenFileError(f"{path} is cut: it has {self.bytes:,} bytes, its index {self.index.stored_bytes:,}")

    def blocks(self) -> Iterator[Block]:
        index, lengths = self.index, self.index.lengths.astype(np.int64)
        if not len(lengths) or not self.bytes:
            return
        data = np.memmap(self.path, index.dtype, "r", 0, (self.bytes // index.dtype.itemsize,))
        for first, end in _groups(lengths):
            if index.in_order:
                start = int(index.pointers[first]) // index.dtype.itemsize
                ids = data[start : start + int(lengths[first:end].sum())]
            else:
                starts = (index.pointers[first:end] // index.dtype.itemsize).tolist()
                parts = zip(starts, lengths[first:end].tolist(), strict=True)
                ids = np.concatenate([data[start : start + length] for start, length in parts])
            yield ids.view(np.ndarray), np.cumsum(lengths[first:end])
            # else all of the file would count as this process's memory
            data._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]

    def documents(self) -> KnownDocuments | None:
        known = _table_beside(self.path)
        if known is not None:
            return known
        starts, lengths = self.index.documents, self.index.lengths.astype(np.int64)
        if len(lengths) < 2 or (len(starts) == len(lengths) + 1 and (lengths == lengths[0]).all()):
            return None  # rows of one length, each called a document
        ends = np.concatenate([[0], np.cumsum(lengths)])
        return KnownDocuments(np.diff(ends[starts]), None, "the .idx")


class MdsFile:
    """A shard of MDS."""

    def __init__(self, shard: MdsShard) -> None:
        """Raises MdsError."""
        self.shard = shard
        self.path = next((path for path in shard.files if path.is_file()), shard.files[0])
        self.bytes = self.path.stat().st_size if self.path.is_file() else 0
        _ = shard.place

    def blocks(self) -> Iterator[Block]:
        rows: list[npt.NDArray[Any]] = []
        tokens = 0
        for row in mds_reading.read_samples(self.shard):
            rows.append(row.reshape(-1))
            tokens += len(rows[-1])
            if tokens >= BLOCK_TOKENS:
                yield _joined(rows)
                rows, tokens = [], 0
        if rows:
            yield _joined(rows)

    def documents(self) -> KnownDocuments | None:
        return _table_beside(self.path)


class ParquetFile:
    """A Parquet file with a column of lists of ids."""

    def __init__(self, path: Path) -> None:
        """Raises TokenFileError."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path, self.bytes = path, path.stat().st_size
        try:
            self._file = pq.ParquetFile(path, memory_map=True)
        except (pa.ArrowInvalid, OSError) as error:
            raise TokenFileError(f"{path} is no Parquet file, or is cut: {error}") from None
        schema = self._file.schema_arrow
        lists = [field.name for field in schema if pa.types.is_list(field.type) or pa.types.is_large_list(field.type)]
        wanted = [name for name in mds_reading.COLUMNS if name in lists]
        if not wanted:
            names = " or ".join(mds_reading.COLUMNS)
            raise TokenFileError(f"{path} has no column {names} of lists of ids; its columns are {schema.names}")
        self._column = wanted[0]

    def blocks(self) -> Iterator[Block]:
        rows = max(1, self._file.metadata.num_rows)
        column = next(
            number
            for number in range(self._file.metadata.num_columns)
            if self._file.schema.column(number).path.split(".")[0] == self._column
        )
        for group in range(self._file.num_row_groups):
            about = self._file.metadata.row_group(group)
            step = max(1, BLOCK_TOKENS * about.num_rows // max(1, about.column(column).num_values))
            for batch in self._file.iter_batches(
                min(step, rows), row_groups=[group], columns=[self._column], use_threads=False
            ):
                ids = batch.column(0)
                offsets = ids.offsets.to_numpy().astype(np.int64)
                yield ids.flatten().to_numpy(zero_copy_only=False), offsets[1:] - offsets[0]

    def documents(self) -> KnownDocuments | None:
        return _table_beside(self.path)


def _table_beside(path: Path) -> KnownDocuments | None:
    table = path.with_suffix(SUFFIX)
    if not table.is_file():
        return None
    found = load_table(table)
    lengths = found.documents.tokens[found.find_begun()].astype(np.int64)
    return KnownDocuments(lengths, int(found.segment_length.sum(dtype=np.int64)), "the table of documents")


def _groups(lengths: Int64) -> Iterator[tuple[int, int]]:
    """Rows first..end (exclusive) of about a block's tokens."""
    ends, first = np.cumsum(lengths), 0
    while first < len(lengths):
        before = int(ends[first - 1]) if first else 0
        end = max(first + 1, int(np.searchsorted(ends, before + BLOCK_TOKENS, "right")))
        yield first, end
        first = end


def _joined(rows: Sequence[npt.NDArray[Any]]) -> Block:
    return np.concatenate(rows), np.cumsum([len(row) for row in rows], dtype=np.int64)
