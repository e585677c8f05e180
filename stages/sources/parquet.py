"""Parquet files: one document a row, from Arrow to Arrow."""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO

from pydantic import Field

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.source import Domains, InputFile, Reading, Source, SourceConfig, raw_schema
from dspipe.pipeline.storage.compression.detect import open_at
from dspipe.stages.sources.reading.batches import PIECE, too_long
from dspipe.stages.sources.reading.columns import column_at, name_column, text_column
from dspipe.stages.sources.reading.fields import Fields
from dspipe.stages.sources.reading.guess import guess_format, names_there, read_head, refuse_other_format
from dspipe.stages.sources.reading.losses import Losses, stored_size
from dspipe.stages.sources.reading.parquet_footer import ColumnChunk, read_column_chunks
from dspipe.stages.sources.reading.row_groups import record_batches
from dspipe.stages.sources.reading.taken_along import COLUMNS, Columns, array_of, fields_of
from dspipe.stages.sources.reading.watched import Watched

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


_ALLOCATION = re.compile(r"alloc of size (\d+) failed")
_LARGEST_ALLOCATION = 1 << 40


class Config(SourceConfig):
    """Parquet files. The text may be a string, a binary (UTF-8) or a dictionary column."""

    fields: Fields = Field(default=Fields(), description="names of the columns")
    columns: Columns = Field(default={}, description=COLUMNS)


class ParquetSource(Source[Config]):
    """Documents from Parquet files."""

    Config = Config
    suffixes = (".parquet", ".parq", ".pq")

    def check_first_file(self, file: InputFile, stream: BinaryIO) -> frozenset[str]:
        import pyarrow.parquet as pq

        guess = guess_format(read_head(stream), file.name)
        refuse_other_format(file.path, guess, "parquet", "Parquet")
        if guess != "parquet":
            return frozenset()
        stream.seek(0)
        try:
            parquet = pq.ParquetFile(stream, pre_buffer=False)
        except Exception:  # what damage does to it, reading will say
            return frozenset()
        try:
            self._columns(parquet)
        except _TakenError as error:
            raise ConfigError(f"{file.path}: {error}", ("columns", error.name)) from None
        except ValueError as error:
            raise ConfigError(f"{file.path}: {error}", ("fields", "text")) from None
        return frozenset()

    def columns(self) -> "tuple[pa.Field, ...]":
        return fields_of(self.config.columns)

    def domains(self) -> Domains:
        return Domains(frozenset({self.config.domain}), others=bool(self.config.fields.domain))

    def read(self, shard: Sequence[InputFile], reading: Reading) -> Iterator["pa.RecordBatch"]:
        """The shard's rows. Rows without text are quarantined, and so are the rest of a row group behind damage."""
        for file in shard:
            with closing(Watched(open_at(reading, file, 0))) as stream:
                yield from self._read_file(file, stream, reading)

    def _read_file(self, file: InputFile, stream: Watched, reading: Reading) -> Iterator["pa.RecordBatch"]:
        import pyarrow.parquet as pq

        try:
            # pre_buffer would hold the stored bytes of a row group beside what is read from them
            parquet = pq.ParquetFile(stream, pre_buffer=False)
            rows = [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
            chunks = read_column_chunks(stream)
        except Exception as error:
            _raise_unless_of_the_file(error, stream)
            lost = Losses(self.typical_document_bytes).lost(0, stored_size(file, stream, 0))
            reading.bad(file, "row 0", f"not a Parquet file: {error}", records=lost, estimated=lost > 1)
            return
        try:
            columns = self._columns(parquet)
        except Exception as error:
            _raise_unless_of_the_file(error, stream)
            reading.bad(file, "row 0", str(error), records=max(1, sum(rows)))
            return
        first = 0
        for group, count in enumerate(rows):
            yield from self._read_group(parquet, stream, group, chunks[group], first, count, columns, file, reading)
            first += count

    def _columns(self, parquet: "pq.ParquetFile") -> dict[str, str]:
        """The column of the file for each field, by dotted path. Raises ValueError where the text has none, or a field
        two of the same name."""
        top, leaves = list(parquet.schema_arrow.names), [column.path for column in parquet.schema]
        wanted = self.config.fields.model_dump()
        names = {field: [names] if isinstance(names, str) else names for field, names in wanted.items()}
        found = {field: next((name for name in names[field] if name in leaves), None) for field in names}
        columns = {field: name for field, name in found.items() if name is not None}
        if "text" not in columns:
            raise ValueError(f"no column {self.config.fields.text!r}; there are {names_there(top)}")
        taken = [column.field for column in self.config.columns.values()]
        for name in [*columns.values(), *taken]:
            first = name if name in top else name.partition(".")[0]
            if top.count(first) > 1 or (first != name and leaves.count(name) > 1):
                raise ValueError(f"the column {name!r} is there twice")
        self._check_taken(parquet, {*top, *leaves})
        return columns

    def _check_taken(self, parquet: "pq.ParquetFile", there: Collection[str]) -> None:
        """Raises _TakenError where the file lacks a column that is to be taken along, or has it with another type."""
        for name, column in self.config.columns.items():
            if column.field not in there:
                raise _TakenError(name, f"no column {column.field!r}; there are {names_there(sorted(there))}")
            try:
                array_of(column_at(_no_rows(parquet), column.field), column)
            except ValueError as error:
                raise _TakenError(name, str(error)) from None

    def _read_group(
        self,
        parquet: "pq.ParquetFile",
        stream: Watched,
        group: int,
        chunks: list[ColumnChunk],
        first: int,
        count: int,
        columns: dict[str, str],
        file: InputFile,
        reading: Reading,
    ) -> Iterator["pa.RecordBatch"]:
        row = first
        try:
            for batch in self._batches(parquet, stream, group, chunks, columns, reading):
                documents = self._documents(batch, row, columns, file, reading)
                row += batch.num_rows
                del batch
                while documents:
                    yield documents.pop(0)  # held by nobody else
            if row < first + count:
                raise ValueError(f"the row group has fewer than its {count} rows")
        except _TooLongError as error:
            reading.bad(file, f"row {first}", str(error))
        except Exception as error:
            _raise_unless_of_the_file(error, stream)
            missing = first + count - row
            message = f"{error}; {missing} rows to the end of row group {group} are not read"
            reading.bad(file, f"row {row}", message, records=max(1, missing))

    def _batches(
        self,
        parquet: "pq.ParquetFile",
        stream: Watched,
        group: int,
        chunks: list[ColumnChunk],
        columns: dict[str, str],
        reading: Reading,
    ) -> Iterator["pa.RecordBatch"]:
        count = parquet.metadata.row_group(group).num_rows
        text_chunks = [chunk for chunk in chunks if chunk.path == columns["text"]]
        texts = sum(chunk.uncompressed_bytes for chunk in text_chunks)
        limit = self.config.max_document_bytes
        if count == 1 and texts > limit + PIECE:  # with what the format itself takes
            raise _TooLongError(f"the text has {texts} bytes or so, {too_long(limit)}")
        average = texts // max(count, 1) + 1
        rows, names = max(1, min(reading.batch_rows, reading.batch_bytes // average)), self._names_read(columns)
        return record_batches(parquet, stream, group, rows, names, text_chunks, reading.memory // 16)

    def _names_read(self, columns: dict[str, str]) -> list[str]:
        return sorted({*columns.values(), *(column.field for column in self.config.columns.values())})

    def _documents(
        self, batch: "pa.RecordBatch", row: int, columns: dict[str, str], file: InputFile, reading: Reading
    ) -> list["pa.RecordBatch"]:
        import pyarrow as pa
        import pyarrow.compute as pc

        count = batch.num_rows
        values = {field: column_at(batch, path) for field, path in columns.items()}
        numbers = pc.cast(pa.array(range(row, row + count), pa.int64()), pa.string())
        places = pc.binary_join_element_wise(file.name, "row", numbers, " ")
        made = pc.binary_join_element_wise(self.config.name, file.name, numbers, "/")
        text = text_column(values.pop("text"))
        result: dict[str, Any] = {field: name_column(value, field == "id") for field, value in values.items()}
        result["id"] = pc.coalesce(result["id"], made) if "id" in result else made
        result |= {"place": places, "text": text}
        result |= {name: array_of(column_at(batch, one.field), one) for name, one in self.config.columns.items()}
        schema = pa.schema([*raw_schema(), *self.columns()])
        arrays = [result.get(field.name, pa.nulls(count, field.type)) for field in schema]
        documents = pa.RecordBatch.from_arrays(arrays, schema=schema)

        limit = self.config.max_document_bytes
        size = pc.fill_null(pc.binary_length(text), 0)
        good = pc.and_(pc.is_valid(text), pc.less_equal(size, limit))
        if not pc.all(good).as_py():
            for i in pc.indices_nonzero(pc.invert(good)).to_pylist():
                error = f"the text has {size[i]} bytes, {too_long(limit)}" if text[i].is_valid else "the text is null"
                reading.bad(file, f"row {row + i}", error, documents["id"][i].as_py(), documents["url"][i].as_py())
            documents, size = documents.filter(good), size.filter(good)
        return list(_split(documents, size.to_numpy(), reading.batch_bytes))


def _no_rows(parquet: "pq.ParquetFile") -> "pa.RecordBatch":
    """No row of the file, with its columns."""
    import pyarrow as pa

    schema = parquet.schema_arrow
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


class _TakenError(ValueError):
    """A column that can't be taken along; `name` is its key in the config."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class _TooLongError(Exception):
    """The only text of a row group is too long, as its metadata say."""


def _raise_unless_of_the_file(error: Exception, stream: Watched) -> None:
    """Raise what the storage raised, and where memory is short; anything else that a parser raises is the file's."""
    stream.raise_failure()
    asked = _ALLOCATION.search(str(error))
    # a damaged length may ask for more than there is anywhere
    if isinstance(error, MemoryError) and not (asked and int(asked[1]) > _LARGEST_ALLOCATION):
        raise error


def _split(documents: "pa.RecordBatch", sizes: Any, batch_bytes: int) -> Iterator["pa.RecordBatch"]:
    """Slices that end when their text reaches `batch_bytes`."""
    import numpy as np

    ends, begin = np.cumsum(sizes), 0
    while begin < len(sizes):
        before = ends[begin - 1] if begin else 0
        end = min(int(np.searchsorted(ends, before + batch_bytes)) + 1, len(sizes))
        yield documents.slice(begin, end - begin)
        begin = end
