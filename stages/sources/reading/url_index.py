"""A crawl's URL index, as Common Crawl publishes it: where each record is, and what can be known without reading it.

Two forms, told by the first bytes: the columnar index (Parquet; https://commoncrawl.org/columnar-index), and CDXJ. A
column has a name in each, and both names are understood in both: `content_mime_detected` is `mime_detected`, which
CDXJ writes with a hyphen. Times are text in both, `timestamp` as 20240301120000, `fetch_time` as 2024-03-01T12:00:00Z.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from dspipe.pipeline.condition import ConditionError, parse_condition
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.source import InputFile
from dspipe.pipeline.storage.ranges import open_to_seek
from dspipe.stages.sources.reading.cdxj import NoCdxjError, cdxj_batches, fields_of_first_lines
from dspipe.stages.sources.reading.guess import names_there
from dspipe.stages.sources.reading.watched import Watched

if TYPE_CHECKING:
    import pyarrow as pa

FILE, START, LENGTH = "warc_filename", "warc_record_offset", "warc_record_length"
_TIME = "fetch_time"
_NUMBERS = (START, LENGTH, "fetch_status")
_OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "url": (),
    "url_surtkey": ("urlkey",),
    _TIME: ("timestamp",),
    "fetch_status": ("status",),
    "fetch_redirect": ("redirect",),
    "content_digest": ("digest",),
    "content_mime_type": ("mime",),
    "content_mime_detected": ("mime_detected", "mime-detected"),
    "content_charset": ("charset", "encoding"),
    "content_languages": ("languages",),
    "content_truncated": ("truncated",),
    FILE: ("filename",),
    START: ("offset",),
    LENGTH: ("length",),
}
"""by the name in the columnar index those in CDXJ, and how SQL can write them"""
_COLUMNAR = {other: name for name, others in _OTHER_NAMES.items() for other in (name, *others)}
_PARTITION = re.compile(r"(?:^|/)([a-z]\w*)=([^/]+)(?=/)")


def choose_records(file: InputFile, where: str | None) -> "tuple[pa.Table, int]":
    """The places of the records that a file of an index names and a condition chooses (`warc_filename`: string,
    `warc_record_offset` and `warc_record_length`: int64), and how many the file names. Raises ConfigError, OSError."""
    import pyarrow as pa

    stream = Watched(open_to_seek(file.path))
    try:
        form = _columnar if stream.read(4) == b"PAR1" else _cdxj
        stream.seek(0)
        chosen, seen = [], 0
        for places, rows in form(file, stream, where):
            chosen += [places] if places is not None else []
            seen += rows
    except ConditionError as error:
        raise ConfigError(f"{error} (in {file.name})", ("where",)) from None
    except NoCdxjError as error:
        raise ConfigError(f"{file.path}: {error}", ("path",)) from None
    except (ValueError, NotImplementedError, MemoryError, OSError, pa.ArrowException) as error:
        stream.raise_failure()  # else Arrow's own: it says OSError of damage, too
        raise ConfigError(f"{file.path} can't be read as an index: {error}".partition("\n")[0], ("path",)) from None
    finally:
        stream.close()
    schema = pa.schema([(FILE, pa.string()), (START, pa.int64()), (LENGTH, pa.int64())])
    return pa.concat_tables([schema.empty_table(), *chosen]), seen


Found = Iterator[tuple["pa.Table | None", int]]
"""places of chosen records, and of how many they were chosen"""


def _columnar(file: InputFile, stream: Watched, where: str | None) -> Found:
    import pyarrow as pa
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(stream, pre_buffer=False)
    there: dict[str, pa.DataType] = {field.name: field.type for field in parquet.schema_arrow}
    columns = _Columns(file, there, where)
    for group in range(parquet.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows

        def read(names: Sequence[str], group: int = group, rows: int = rows) -> "pa.RecordBatch":
            if not names:
                return pa.RecordBatch.from_arrays([pa.nulls(rows)], names=["nothing"])
            table = parquet.read_row_group(group, list(names), use_threads=False)
            return pa.RecordBatch.from_pydict({name: table.column(name).combine_chunks() for name in names})

        yield columns.places(read, rows), rows


def _cdxj(file: InputFile, stream: Watched, where: str | None) -> Found:
    import pyarrow as pa

    # a field that no page of the first lines has may be in others
    names = [*_names_in_cdxj(), "urlkey", "timestamp", *fields_of_first_lines(cast(BinaryIO, stream))]
    stream.seek(0)
    columns = _Columns(file, dict.fromkeys(names, pa.string()), where)
    fields = [name for name in columns.read if name not in ("urlkey", "timestamp")]
    for batch in cdxj_batches(cast(BinaryIO, stream), fields):
        yield columns.places(batch.select, batch.num_rows), batch.num_rows


def _names_in_cdxj() -> list[str]:
    return [others[-1] if others else name for name, others in _OTHER_NAMES.items()]


class _Columns:
    """The columns of one file by all of their names, and the records that a condition chooses by them."""

    def __init__(
        self,
        file: InputFile,
        there: Mapping[str, "pa.DataType"],
        where: str | None,
    ) -> None:
        """`there`: the columns that can be read, with their types."""
        import pyarrow as pa

        self._path, self._there = file.path, there
        self._folders = {name: value for name, value in _PARTITION.findall(file.path) if name not in there}
        absent = [name for name in (FILE, START, LENGTH) if self._stored(name) is None]
        if absent:
            raise ConfigError(
                f"{file.path} is no URL index: no column {absent[0]}; there are {names_there(there)}", ("path",)
            )
        types = {**there, **dict.fromkeys(self._folders, pa.string())}
        types |= {
            name: pa.int64() if columnar in _NUMBERS else pa.string()
            for name, columnar in _COLUMNAR.items()
            if self._stored(name) is not None
        }
        self._condition = None if where is None else parse_condition(where, types)
        asked = self._condition.columns if self._condition else ()
        self._asked = list(dict.fromkeys(stored for name in asked if (stored := self._stored(name))))
        self._placed = list(dict.fromkeys(str(self._stored(name)) for name in (FILE, START, LENGTH)))

    @property
    def read(self) -> list[str]:
        """The columns that are read, by their names in the file."""
        return list(dict.fromkeys([*self._asked, *self._placed]))

    def places(self, read: "Callable[[Sequence[str]], pa.RecordBatch]", rows: int) -> "pa.Table | None":
        """The places of the records that are chosen among `rows`, None where there are none; `read` gives columns of
        them. Raises ConfigError, ConditionError."""
        import pyarrow as pa
        import pyarrow.compute as pc

        mask = None
        if self._condition is not None:
            batch = read(self._asked)
            values = {name: self._value(name, batch, rows) for name in self._condition.columns}
            if not values:  # `1 = 1`
                values = {"nothing": pa.nulls(rows)}
            mask = self._condition.mask(pa.RecordBatch.from_pydict(values))
            if not pc.any(mask).as_py():
                return None
        batch = read(self._placed)
        values = {name: self._value(name, batch, rows) for name in (FILE, START, LENGTH)}
        table = pa.table(values) if mask is None else pa.table(values).filter(mask)
        self._check(table)
        return table

    def _check(self, table: "pa.Table") -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        name, start, length = (pc.fill_null(table.column(at), value) for at, value in enumerate(("", -1, -1)))
        good = pc.and_(pc.and_(pc.greater(pc.utf8_length(name), 0), pc.greater_equal(start, 0)), pc.greater(length, 0))
        end = pc.index(good, False).as_py()
        if end >= 0:
            wrong = table.slice(end, 1).cast(pa.schema([(column, pa.string()) for column in table.column_names]))
            said = ", ".join(f"{name} {value}" for name, value in wrong.to_pylist()[0].items())
            raise ConfigError(f"{self._path} names a record whose place is none: {said}", ("path",))

    def _stored(self, name: str) -> str | None:
        """What the file calls a column."""
        columnar = _COLUMNAR.get(name, name)
        return next((one for one in (name, columnar, *_OTHER_NAMES.get(columnar, ())) if one in self._there), None)

    def _value(self, name: str, batch: "pa.RecordBatch", rows: int) -> Any:
        import pyarrow as pa

        stored = self._stored(name)
        if stored is None:
            return pa.repeat(pa.scalar(self._folders[name]), rows)
        column, columnar = batch.column(stored), _COLUMNAR.get(name, name)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if columnar == _TIME:
            return _digits(column) if name == "timestamp" else _iso(column)
        if columnar in _NUMBERS:
            return _number(column)
        return column.cast(pa.string()) if columnar in _OTHER_NAMES else column


def _number(column: "pa.Array") -> "pa.Array":
    """Whole numbers, which may be written as text; null where it is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.if_else(pc.match_substring_regex(column, r"^-?[0-9]{1,18}$"), column, pa.scalar(None, column.type))
    return column.cast(pa.int64())


def _digits(column: "pa.Array") -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type):
        return pc.strftime(column.cast(pa.timestamp("s", column.type.tz), safe=False), format="%Y%m%d%H%M%S")
    return column.cast(pa.string())


def _iso(column: "pa.Array") -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type):
        return pc.strftime(column.cast(pa.timestamp("s", column.type.tz), safe=False), format="%Y-%m-%dT%H:%M:%SZ")
    pattern = r"^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})\d*$"
    return pc.replace_substring_regex(column.cast(pa.string()), pattern, r"\1-\2-\3T\4:\5:\6Z")
