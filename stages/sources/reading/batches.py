"""Rows gathered into record batches of bounded size, and text made fit for the kernels.

Text is held as the bytes that the batch will have, and is decoded and encoded a piece at a time: a document of any size
costs little more than its own bytes, where a Python string takes up to four times as many.
"""

import codecs
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dspipe.pipeline.source import InputFile, Reading, raw_schema

if TYPE_CHECKING:
    import pyarrow as pa

NOTHING_TAKEN: Mapping[str, None] = MappingProxyType({})
PIECE = 1 << 20
"""bytes of a text that are decoded at a time"""


def clean_text(text: str) -> str:
    """`text` as Unicode that UTF-8 can hold, without NUL: surrogate pairs joined, lone ones and NULs made U+FFFD.

    NUL becomes U+FFFD as in HTML (13.2.5.1 of the WHATWG standard): a damaged place stays visible to the heuristics,
    and words on both sides of it stay apart.
    """
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def too_long(limit: int) -> str:
    """The end of the message about a record of more than `limit` bytes."""
    return f"more than max_document_bytes = {limit}; with more of it, and memory for the workers, it would be read"


def decode_utf8(data: bytes) -> str:
    """Bytes that should be UTF-8, invalid ones as U+FFFD, without NUL and without a byte order mark."""
    return data.decode("utf-8", "replace").replace("\0", "\ufffd").removeprefix("\ufeff")


def clean_utf8(data: bytes | bytearray | memoryview, errors: str = "replace") -> bytearray:
    """The bytes of `decode_utf8`. Raises UnicodeDecodeError for invalid ones if `errors` is `strict`."""
    result = bytearray()
    for text in _decoded(memoryview(data), errors):
        result += text.replace("\0", "\ufffd").encode()
    mark = codecs.BOM_UTF8
    return result[len(mark) :] if result.startswith(mark) else result


def _decoded(data: memoryview, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    for start in range(0, len(data), PIECE):
        yield decoder.decode(data[start : start + PIECE], start + PIECE >= len(data))


class BatchBuilder:
    """Collects documents: `add` them, and `take` a batch of `raw_schema()`, with the columns `taken` along, whenever
    `full`."""

    def __init__(self, reading: Reading, taken: "Sequence[pa.Field]" = ()) -> None:
        import pyarrow as pa

        self._rows, self._bytes = reading.batch_rows, reading.batch_bytes
        self._schema = pa.schema([*raw_schema(), *taken])
        self._taken = [field.name for field in taken]
        self._clear()

    def _clear(self) -> None:
        names = [name for name in self._schema.names if name not in ("text", "content")]
        self._columns: dict[str, list[Any]] = {name: [] for name in names}
        self._long = {name: LongColumn() for name in ("text", "content")}

    def __len__(self) -> int:
        return len(self._columns["id"])

    @property
    def full(self) -> bool:
        """Whether the batch has reached its number of rows or bytes."""
        return len(self) >= self._rows or sum(len(column.data) for column in self._long.values()) >= self._bytes

    def add(
        self,
        file: InputFile,
        place: str,
        id: str,
        text: str | bytearray | None = None,
        content: bytes | bytearray | None = None,
        content_type: str | None = None,
        url: str | None = None,
        date: str | None = None,
        domain: str | None = None,
        language: str | None = None,
        taken: Mapping[str, float | int | str | bool | None] = NOTHING_TAKEN,
    ) -> None:
        """One document: its text, or the payload that its text is to be extracted from. Strings are cleaned here; text
        in bytes is clean already (`clean_utf8`), and no longer the caller's. `taken`: values of the columns taken
        along, null where not named."""
        row = {"url": url, "date": date, "domain": domain, "language": language, "content_type": content_type}
        for name, value in row.items():
            self._columns[name].append(None if value is None else clean_text(value))
        for name in self._taken:
            found = taken.get(name)
            self._columns[name].append(clean_text(found) if isinstance(found, str) else found)
        self._columns["id"].append(clean_text(id))
        self._columns["place"].append(clean_text(f"{file.name} {place}"))
        self._long["text"].append(clean_text(text).encode() if isinstance(text, str) else text)
        self._long["content"].append(content)

    def take(self) -> "pa.RecordBatch":
        """The documents added since the last call."""
        import pyarrow as pa

        columns = [
            self._long[field.name].take(field.type)
            if field.name in self._long
            else pa.array(self._columns[field.name], field.type)
            for field in self._schema
        ]
        self._clear()
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)


class LongColumn:
    """A column under way: the bytes of a large_string or large_binary column, one value behind the other."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._ends: list[int] = [0]
        self._null: list[bool] = []

    def append(self, value: bytes | bytearray | None) -> None:
        """Add a value. A bytearray may be kept, not copied."""
        if not self.data and isinstance(value, bytearray):
            self.data = value
        elif value is not None:
            self.data += value
        self._ends.append(len(self.data))
        self._null.append(value is None)

    def take(self, kind: "pa.DataType") -> "pa.Array":
        """The column, over the bytes as they are."""
        import pyarrow as pa

        if all(self._null):
            return pa.nulls(len(self._null), kind)
        valid = None
        if any(self._null):
            valid = pa.array([not null for null in self._null], pa.bool_()).buffers()[1]
        buffers = [valid, pa.array(self._ends, pa.int64()).buffers()[1], pa.py_buffer(self.data)]
        return pa.Array.from_buffers(kind, len(self._null), buffers)
