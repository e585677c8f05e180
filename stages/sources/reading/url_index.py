"""A crawl's URL index, as Common Crawl publishes it: where each record is, and what can be known without reading it.

Two forms, told by the first bytes: the columnar index (Parquet; https://commoncrawl.org/columnar-index), and CDXJ. A
column has a name in each, and both names are understood in both: `content_mime_detected` is `mime_detected`, which
CDXJ writes with a hyphen. The columnar index has flat columns or nested ones, which are called like the flat ones.
`crawl`, `subset` and `warc_segment` are read off the WARC file's name where neither a column nor a folder says them.
Times are text in both, `timestamp` as 20240301120000, `fetch_time` as 2024-03-01T12:00:00Z.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    "content_charset": ("encoding", "charset"),
    "content_languages": ("languages",),
    "content_truncated": ("truncated",),
    FILE: ("filename",),
    START: ("offset",),
    LENGTH: ("length",),
}
"""by the name in the columnar index those in CDXJ: how SQL or a server can write it, and last as in its files"""
_COLUMNAR = {other: name for name, others in _OTHER_NAMES.items() for other in (name, *others)}
_PARTITION = re.compile(r"(?:^|/)([a-z]\w*)=([^/]+)(?=/)")
_IN_NAMES = ("crawl", "warc_segment", "subset")
_NAME = r"crawl-data/(?P<crawl>[^/]+)/segments/(?P<warc_segment>[^/]+)/(?P<subset>[^/]+)/"
"""what the name of a WARC file says of its records"""


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
    leaves = {_flat_name(path): (path, kind) for path, kind in _leaves(parquet.schema_arrow)}
    columns = _Columns(file, {name: kind for name, (_, kind) in leaves.items()}, where)
    for group in range(parquet.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows

        def read(names: Sequence[str], group: int = group, rows: int = rows) -> "pa.RecordBatch":
            if not names:
                return pa.RecordBatch.from_arrays([pa.nulls(rows)], names=["nothing"])
            paths = [leaves[name][0] for name in names]
            table = parquet.read_row_group(group, [".".join(path) for path in paths], use_threads=False)
            return pa.RecordBatch.from_arrays([_leaf(table, path) for path in paths], names=list(names))

        yield columns.places(read, rows), rows


def _leaves(
    fields: "Iterable[pa.Field]", above: tuple[str, ...] = ()
) -> "Iterator[tuple[tuple[str, ...], pa.DataType]]":
    """The columns that aren't of columns, each by the names that lead to it."""
    import pyarrow as pa

    for field in fields:
        path = (*above, field.name)
        if pa.types.is_struct(field.type):
            yield from _leaves(field.type, path)
        else:
            yield path, field.type


def _flat_name(path: tuple[str, ...]) -> str:
    """`url.host.name` is `url_host_name` in the flat form, and `url.url` is `url`."""
    return "_".join(path[:-1] if path[-2:-1] == path[-1:] else path)


def _leaf(table: "pa.Table", path: tuple[str, ...]) -> "pa.Array":
    import pyarrow.compute as pc

    column = table.column(path[0]).combine_chunks()
    for name in path[1:]:
        column = pc.struct_field(column, name)
    return column


def _cdxj(file: InputFile, stream: Watched, where: str | None) -> Found:
    import pyarrow as pa

    found = fields_of_first_lines(cast(BinaryIO, stream))
    names = ["urlkey", "timestamp", *found, *_names_in_others(found)]
    stream.seek(0)
    columns = _Columns(file, dict.fromkeys(names, pa.string()), where)
    fields = [name for name in columns.read if name not in ("urlkey", "timestamp")]
    for batch in cdxj_batches(cast(BinaryIO, stream), fields):
        yield columns.places(batch.select, batch.num_rows), batch.num_rows


def _names_in_others(found: Sequence[str]) -> list[str]:
    """Those that a field may have in others than the first lines, where none of these has it by any of its names."""
    return [(name, *others)[-1] for name, others in _OTHER_NAMES.items() if not {name, *others} & set(found)]


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
        types = {**dict.fromkeys(_IN_NAMES, pa.string()), **there, **dict.fromkeys(self._folders, pa.string())}
        types |= {
            name: pa.int64() if columnar in _NUMBERS else pa.string()
            for name, columnar in _COLUMNAR.items()
            if self._stored(name) is not None
        }
        self._condition = None if where is None else parse_condition(where, types)
        asked = self._condition.columns if self._condition else ()
        self._asked = list(dict.fromkeys(stored for name in asked if (stored := self._source_of(name))))
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

    def _source_of(self, name: str) -> str | None:
        """The column of the file that a name's values come from; None where they come from a folder."""
        stored = self._stored(name)
        return stored if stored or name in self._folders else self._stored(FILE)

    def _value(self, name: str, batch: "pa.RecordBatch", rows: int) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        stored = self._stored(name)
        if stored is None and name in self._folders:
            return pa.repeat(pa.scalar(self._folders[name]), rows)
        if stored is None:
            return pc.struct_field(pc.extract_regex(self._value(FILE, batch, rows), _NAME), name)
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
