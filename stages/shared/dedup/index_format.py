"""A file of the kept index (`kept_index`): what its writer and its reader agree on.

A Parquet file that ascends by its first column. Its own metadata say, under DESCRIPTION_KEY and with a checksum, the
settings that it was made with, the columns, and each row group's first and last value and rows; pages carry Parquet's
checksums. So a file of another run that was changed is named, and never joined with in silence. Parquet's
own statistics have no checksum, and pyarrow ends the whole process over some that are damaged.
"""

import json
from typing import Any, BinaryIO, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.storage.columns import naming_damage

ROW_GROUP_ROWS = 1 << 16
DESCRIPTION_KEY = b"dspipe.index"


class RowGroup(NamedTuple):
    """A row group: the first and last value of its first column, and its rows."""

    first: int
    last: int
    rows: int


class IndexWriter:
    """Writes a file: tables whose first column, of unsigned integers, ascends over all of them."""

    def __init__(self, file: BinaryIO, schema: pa.Schema, settings: dict[str, Any]) -> None:
        self._writer = pq.ParquetWriter(
            file, schema, compression="zstd", compression_level=1, write_statistics=False, write_page_checksum=True
        )
        self._schema, self._settings = schema, settings
        self._groups: list[RowGroup] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        content = json.dumps({"settings": self._settings, "columns": _columns(self._schema), "groups": self._groups})
        self._writer.add_key_value_metadata({DESCRIPTION_KEY: _checksum(content) + content})
        self._writer.close()

    def write(self, table: pa.Table) -> None:
        """Write rows, as many row groups as it takes."""
        for start in range(0, table.num_rows, ROW_GROUP_ROWS):
            group = table.slice(start, ROW_GROUP_ROWS)
            ascending = group.column(0)
            self._groups.append(RowGroup(ascending[0].as_py(), ascending[-1].as_py(), group.num_rows))
            self._writer.write_table(group, row_group_size=ROW_GROUP_ROWS)


class IndexFile:
    """A file that is open. `path`: its full path or address, for messages.

    Raises DamagedFileError where it isn't what was written, here and while it is read.
    """

    def __init__(self, file: BinaryIO, path: str) -> None:
        self._path = path
        with naming_damage(path):
            self._parquet = pq.ParquetFile(file, page_checksum_verification=True)
            said = (self._parquet.metadata.metadata or {}).get(DESCRIPTION_KEY, b"").decode("utf-8", "replace")
        content = said[_CHECKSUM:]
        if said[:_CHECKSUM] != _checksum(content):
            raise DamagedFileError(path, "was changed, or was made by an earlier version: it doesn't describe itself")
        description = json.loads(content)
        self.settings: dict[str, Any] = description["settings"]
        self.groups = [RowGroup(*group) for group in description["groups"]]
        self._columns: list[list[str]] = description["columns"]

    def read(self, number: int) -> pa.Table:
        """The rows of a row group."""
        group = self.groups[number]
        with naming_damage(self._path):
            table = self._parquet.read_row_group(number, use_threads=False)
            columns = _columns(table.schema)
        if columns != self._columns or table.num_rows != group.rows:
            raise DamagedFileError(self._path, f"was changed: row group {number} has other columns or rows")
        ascending = table.column(0)
        if (ascending[0].as_py(), ascending[-1].as_py()) != (group.first, group.last):
            raise DamagedFileError(self._path, f"was changed: row group {number} is another")
        return table


_CHECKSUM = 32
"""hexadecimal digits"""


def _columns(schema: pa.Schema) -> list[list[str]]:
    return [[field.name, str(field.type)] for field in schema]


def _checksum(content: str) -> str:
    return xxhash.xxh3_128_hexdigest(content.encode())
