"""The files of one shard: rows cut to files of bounded size, each of which appears whole.

The same rows give the same bytes: groups of rows are cut by what they hold, and nothing in a file tells when, or on
which machine, it was written.
"""

import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from dspipe.pipeline.inspection.export.json_rows import json_lines
from dspipe.pipeline.inspection.export.options import Format
from dspipe.pipeline.storage.store import Store

DATA = "data"
SUFFIXES: dict[Format, str] = {"parquet": ".parquet", "jsonl": ".jsonl.gz"}
_GROUP_BYTES = 64 << 20
"""of a row group in memory: readers take one at a time, and so does this"""
_GZIP_LEVEL = 4
"""level 6 takes 2.5 times as long for 4 % fewer bytes"""


@dataclass(frozen=True)
class DataFile:
    """A file that was written, below the export's root."""

    name: str
    rows: int
    bytes: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return dict(vars(self))


class _Writer(Protocol):
    def write(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


class ShardFiles:
    """Writes the rows of a shard, in the order given: `data/00007-000.parquet`, then `-001`, as they grow."""

    def __init__(self, store: Store, shard: int, schema: pa.Schema, format: Format, file_bytes: int) -> None:
        self._store, self._shard, self._schema, self._format = store, shard, schema, format
        self._file_bytes = file_bytes
        self._open = ExitStack()
        self._writer: _Writer | None = None
        self._name, self._rows, self._size = "", 0, 0
        self.files: list[DataFile] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows, whose columns are those of the schema."""
        if batch.num_rows == 0:
            return
        if self._writer is None:
            self._name = f"{DATA}/{self._shard:05d}-{len(self.files):03d}{SUFFIXES[self._format]}"
            file = self._open.enter_context(self._store.writing(self._name))
            self._writer = _WRITERS[self._format](file, self._schema)
        self._writer.write(batch)
        self._rows += batch.num_rows
        self._size += batch.nbytes
        if self._size >= self._file_bytes:
            self._end_file()

    def _end_file(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._open.close()
            self.files.append(DataFile(self._name, self._rows, *self._store.written[self._name]))
        self._writer, self._rows, self._size = None, 0, 0

    @contextmanager
    def whole(self) -> Iterator["ShardFiles"]:
        """With its end, the last file is there; with an exception, it isn't."""
        with self._open:
            yield self
            self._end_file()


class _ParquetRows:
    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._schema = schema
        self._parquet = pq.ParquetWriter(file, schema, compression="zstd", compression_level=3)
        self._waiting: list[pa.RecordBatch] = []
        self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= _GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            table = pa.Table.from_batches(self._waiting, self._schema)
            self._parquet.write_table(table, row_group_size=table.num_rows)
        self._waiting, self._bytes = [], 0

    def close(self) -> None:
        self._flush()
        self._parquet.close()


class _JsonRows:
    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._file = file
        # 16 beside the window: a header of gzip, whose time zlib leaves 0
        self._packed = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)

    def write(self, batch: pa.RecordBatch) -> None:
        self._file.write(self._packed.compress(json_lines(batch)))

    def close(self) -> None:
        self._file.write(self._packed.flush())


_WRITERS: dict[Format, Callable[[BinaryIO, pa.Schema], _Writer]] = {"parquet": _ParquetRows, "jsonl": _JsonRows}
