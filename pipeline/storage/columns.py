"""Row columns: what is known of each document of a shard, as Parquet files whose rows are in step.

The text pass writes the first file of a shard; each later phase that decides something adds a file with the same rows
in the same row groups. A column is found through the newest manifest that names it, and each carries a hash of its own
stored bytes: a phase depends on the columns that it reads, not on the files that they stand in.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.storage.failures import UnavailableError
from dspipe.pipeline.storage.store import Store


@dataclass(frozen=True)
class Column:
    """Where a column of one shard is, and the hash of its stored bytes."""

    file: str
    hash: str


class RowsWriter:
    """Writes a file of row columns. Each batch becomes a row group."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        # level 1 of zstd: twice the speed of level 3 for 4 % more bytes on extracted text
        self._writer = pq.ParquetWriter(
            file, schema, compression="zstd", compression_level=1, write_statistics=False, write_page_checksum=True
        )
        self._schema = schema
        self.groups: list[int] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Write one row group."""
        self._writer.write_batch(batch.select(self._schema.names).cast(self._schema), row_group_size=batch.num_rows + 1)
        self.groups.append(batch.num_rows)

    def close(self) -> None:
        """Write the footer; the file itself stays open."""
        self._writer.close()


def column_hashes(store: Store, name: str) -> dict[str, str]:
    """A hash (xxh3, 128 bits) of each column's stored bytes, over all row groups."""
    with store.reading(name) as file:
        metadata = pq.read_metadata(file)
        schema = metadata.schema.to_arrow_schema()
        # by place, not by path: names of columns may hold dots themselves (`heuristics.words`)
        owners = [field.name for field in schema for _ in range(_leaves(field.type))]
        digests: dict[str, xxhash.xxh3_128] = {}
        for group in range(metadata.num_row_groups):
            row_group = metadata.row_group(group)
            for index in range(metadata.num_columns):
                chunk = row_group.column(index)
                start = chunk.dictionary_page_offset or chunk.data_page_offset
                file.seek(start)
                digest = digests.setdefault(owners[index], xxhash.xxh3_128())
                digest.update(row_group.num_rows.to_bytes(8, "little"))
                digest.update(file.read(chunk.total_compressed_size))
        return {name: digests[name].hexdigest() if metadata.num_row_groups else "empty" for name in schema.names}


def _leaves(kind: pa.DataType) -> int:
    """How many Parquet columns a column of this type is stored as."""
    if kind.num_fields == 0:
        return 1
    return sum(_leaves(kind.field(i).type) for i in range(kind.num_fields))


def read_rows(
    store: Store,
    columns: Mapping[str, Column],
    names: Sequence[str],
    groups: Sequence[int],
    numbers: Iterable[int] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The named columns of a shard, a batch per row group. Raises DamagedFileError when a file isn't as written.

    `numbers`: those of the row groups to read, ascending; each is asked for when its turn comes. Default: all.
    """
    by_file: dict[str, list[str]] = {}
    for name in names:
        by_file.setdefault(columns[name].file, []).append(name)
    with ExitStack() as stack:
        opened = []
        for file in by_file:
            where = store.path(file) if store.local else stack.enter_context(store.reading(file))
            with naming_damage(store.path(file)):
                # columns that lie side by side are one request
                parquet = pq.ParquetFile(
                    where, memory_map=store.local, pre_buffer=not store.local, page_checksum_verification=True
                )
            opened.append((file, stack.enter_context(parquet)))
        for group in range(len(groups)) if numbers is None else numbers:
            found: dict[str, pa.Array] = {}
            for (file, parquet), wanted in zip(opened, by_file.values(), strict=True):
                with naming_damage(store.path(file)):
                    table = parquet.read_row_group(group, columns=wanted, use_threads=False)
                rows = groups[group]
                if table.num_rows != rows:
                    what = f"has {table.num_rows:,} rows in group {group} where the documents have {rows:,}"
                    raise DamagedFileError(store.path(file), what)
                for name in wanted:
                    found[name] = _one_chunk(table.column(name))
            yield pa.RecordBatch.from_arrays([found[name] for name in names], names=list(names))


@contextmanager
def naming_damage(path: str) -> Iterator[None]:
    """Parquet's own errors as those of the file at `path`; what the storage raises passes. Raises DamagedFileError."""
    try:
        yield
    except (
        pa.ArrowInvalid,
        pa.ArrowNotImplementedError,
        pa.ArrowKeyError,
        pa.ArrowIndexError,
        UnicodeDecodeError,  # of a column's name
    ) as error:
        raise DamagedFileError(path, f"is cut or was changed: {_first_line(error)}") from None
    except OSError as error:
        if error.errno is not None or isinstance(error, UnavailableError):
            raise
        # Arrow's decoders raise an OSError without a number for damaged pages
        raise DamagedFileError(path, f"is cut or was changed: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def file_checksum(store: Store, name: str) -> tuple[int, str]:
    """Size and sha256 of a stored file."""
    digest = hashlib.sha256()
    size = 0
    with store.reading(name) as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()
