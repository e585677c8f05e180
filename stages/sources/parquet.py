"""Parquet files: one document a row, from Arrow to Arrow."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pydantic import Field

from dspipe.pipeline.source import InputFile, Reading, Source, SourceConfig, raw_schema
from dspipe.stages.sources.reading.batches import PIECE, LongColumn, clean_text, clean_utf8, decode_utf8, too_long
from dspipe.stages.sources.reading.compression import open_at
from dspipe.stages.sources.reading.fields import Fields

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


class Config(SourceConfig):
    """Parquet files. The text may be a string, a binary (UTF-8) or a dictionary column."""

    fields: Fields = Field(default=Fields(), description="names of the columns")


class ParquetSource(Source[Config]):
    """Documents from Parquet files."""

    Config = Config
    suffixes = (".parquet", ".parq", ".pq")

    def read(self, shard: Sequence[InputFile], reading: Reading) -> Iterator["pa.RecordBatch"]:
        """The shard's rows. Rows without text are quarantined, and so are the rest of a row group behind damage."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        for file in shard:
            with closing(open_at(reading, file, 0)) as stream:
                try:
                    # pre_buffer would hold the stored bytes of a row group beside what is read from them
                    parquet = pq.ParquetFile(stream, pre_buffer=False)
                except pa.ArrowInvalid as error:
                    reading.bad(file, "row 0", f"not a Parquet file: {error}")
                    continue
                columns = self._columns(parquet)
                if "text" not in columns:
                    reading.bad(file, "row 0", f"no column {self.config.fields.text!r}")
                    continue
                first = 0
                for group in range(parquet.num_row_groups):
                    yield from self._read_group(parquet, group, first, columns, file, reading)
                    first += parquet.metadata.row_group(group).num_rows

    def _columns(self, parquet: "pq.ParquetFile") -> dict[str, str]:
        """The column of the file for each field, by dotted path."""
        leaves = {column.path for column in parquet.schema}
        wanted = self.config.fields.model_dump()
        names = {field: [names] if isinstance(names, str) else names for field, names in wanted.items()}
        found = {field: next((name for name in names[field] if name in leaves), None) for field in names}
        return {field: name for field, name in found.items() if name is not None}

    def _read_group(
        self,
        parquet: "pq.ParquetFile",
        group: int,
        first: int,
        columns: dict[str, str],
        file: InputFile,
        reading: Reading,
    ) -> Iterator["pa.RecordBatch"]:
        import pyarrow as pa

        metadata = parquet.metadata.row_group(group)
        texts = sum(
            metadata.column(i).total_uncompressed_size
            for i in range(metadata.num_columns)
            if metadata.column(i).path_in_schema == columns["text"]
        )
        limit = self.config.max_document_bytes
        if metadata.num_rows == 1 and texts > limit + PIECE:  # with what the format itself takes
            reading.bad(file, f"row {first}", f"the text has {texts} bytes or so, {too_long(limit)}")
            return
        average = texts // max(metadata.num_rows, 1) + 1
        rows = max(1, min(reading.batch_rows, reading.batch_bytes // average))
        row = first
        try:
            for batch in _record_batches(parquet, group, rows, sorted(set(columns.values()))):
                documents = self._documents(batch, row, columns, file, reading)
                row += batch.num_rows
                del batch
                while documents:
                    yield documents.pop(0)  # held by nobody else
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            missing = first + metadata.num_rows - row
            reading.bad(file, f"row {row}", f"{error}; {missing} rows to the end of row group {group} are not read")

    def _documents(
        self, batch: "pa.RecordBatch", row: int, columns: dict[str, str], file: InputFile, reading: Reading
    ) -> list["pa.RecordBatch"]:
        import pyarrow as pa
        import pyarrow.compute as pc

        count = batch.num_rows
        values = {field: _column(batch, path) for field, path in columns.items()}
        numbers = pc.cast(pa.array(range(row, row + count), pa.int64()), pa.string())
        places = pc.binary_join_element_wise(file.name, "row", numbers, " ")
        made = pc.binary_join_element_wise(self.config.name, file.name, numbers, "/")
        text = _text(values.pop("text"))
        result: dict[str, Any] = {field: _name(value) for field, value in values.items()}
        result["id"] = pc.coalesce(result["id"], made) if "id" in result else made
        result |= {"place": places, "text": text}
        schema = raw_schema()
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


def _record_batches(parquet: "pq.ParquetFile", group: int, rows: int, columns: list[str]) -> Iterator["pa.RecordBatch"]:
    """The rows of a row group, `rows` at a time."""
    if parquet.metadata.row_group(group).num_rows > rows:
        yield from parquet.iter_batches(rows, [group], columns, use_threads=False)
    elif parquet.metadata.row_group(group).num_rows:
        # nothing is kept to read on from: of a document of 100 MB that would be 200 MB
        yield parquet.read_row_group(group, columns, use_threads=False).combine_chunks().to_batches()[0]


def _split(documents: "pa.RecordBatch", sizes: Any, batch_bytes: int) -> Iterator["pa.RecordBatch"]:
    """Slices that end when their text reaches `batch_bytes`."""
    import numpy as np

    ends, begin = np.cumsum(sizes), 0
    while begin < len(sizes):
        before = ends[begin - 1] if begin else 0
        end = min(int(np.searchsorted(ends, before + batch_bytes)) + 1, len(sizes))
        yield documents.slice(begin, end - begin)
        begin = end


def _column(batch: "pa.RecordBatch", path: str) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if path in batch.schema.names:
        array = batch[path]
    else:
        first, *rest = path.split(".")
        array = pc.struct_field(batch[first], rest)
    return array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array


def _text(array: "pa.Array") -> "pa.Array":
    """A text column as valid large_string without NUL. Raises ArrowInvalid for other types."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(array.type):
        return pa.nulls(len(array), pa.large_string())
    if not (pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)):
        if pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
            array = array.cast(pa.large_string())
        elif pa.types.is_binary(array.type) or pa.types.is_binary_view(array.type):
            array = array.cast(pa.large_binary())
        else:
            raise pa.ArrowInvalid(f"the text column has the type {array.type}, which is no text")
    try:
        text = array.cast(pa.large_string())
        text.validate(full=True)
    except pa.ArrowInvalid:
        column = LongColumn()
        for value in array.cast(pa.large_binary()):
            column.append(clean_utf8(memoryview(value.as_buffer())) if value.is_valid else None)
        return column.take(pa.large_string())
    if pc.any(pc.match_substring(text, "\0")).as_py():
        text = pc.replace_substring(text, "\0", "\ufffd")
    return text


def _name(array: "pa.Array") -> "pa.Array":
    """A column of names as string: numbers in decimal, times as in ISO 8601, null where empty or of another type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(array.type):
        array = pc.replace_substring_regex(pc.strftime(array, "%Y-%m-%dT%H:%M:%SZ"), r"\.0+Z$", "Z")
    if pa.types.is_nested(array.type) or pa.types.is_boolean(array.type):
        return pa.nulls(len(array), pa.string())
    try:
        names = array.cast(pa.string())
        names.validate(full=True)
    except pa.ArrowInvalid:
        raw = array.to_pylist()
        values = [decode_utf8(v) if isinstance(v, bytes) else None if v is None else clean_text(str(v)) for v in raw]
        names = pa.array(values, pa.string())
    return pc.if_else(pc.equal(names, ""), None, names)
