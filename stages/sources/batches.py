"""Rows gathered into record batches of bounded size, and text made fit for the kernels."""

from typing import TYPE_CHECKING

from pipeline.source import InputFile, Reading, raw_schema

if TYPE_CHECKING:
    import pyarrow as pa


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


def decode_utf8(data: bytes) -> str:
    """Bytes that should be UTF-8, invalid ones as U+FFFD, without NUL and without a byte order mark."""
    return data.decode("utf-8", "replace").replace("\0", "\ufffd").removeprefix("\ufeff")


class BatchBuilder:
    """Collects documents: `add` them, and `take` a batch of `raw_schema()` whenever `full`."""

    def __init__(self, reading: Reading) -> None:
        self._rows, self._bytes = reading.batch_rows, reading.batch_bytes
        self._schema = raw_schema()
        self._clear()

    def _clear(self) -> None:
        self._columns: dict[str, list[str | bytes | None]] = {name: [] for name in self._schema.names}
        self._size = 0

    def __len__(self) -> int:
        return len(self._columns["id"])

    @property
    def full(self) -> bool:
        """Whether the batch has reached its number of rows or bytes."""
        return len(self) >= self._rows or self._size >= self._bytes

    def add(
        self,
        file: InputFile,
        place: str,
        id: str,
        text: str | None = None,
        content: bytes | None = None,
        content_type: str | None = None,
        url: str | None = None,
        date: str | None = None,
        domain: str | None = None,
        language: str | None = None,
    ) -> None:
        """One document: its text, or the payload that its text is to be extracted from. Strings are cleaned here."""
        row = {"url": url, "date": date, "domain": domain, "language": language, "content_type": content_type}
        for name, value in row.items():
            self._columns[name].append(None if value is None else clean_text(value))
        self._columns["id"].append(clean_text(id))
        self._columns["place"].append(clean_text(f"{file.name} {place}"))
        if text is not None:
            text = clean_text(text)
            self._size += len(text) if text.isascii() else len(text.encode())
        self._columns["text"].append(text)
        self._columns["content"].append(content)
        self._size += len(content or b"")

    def take(self) -> "pa.RecordBatch":
        """The documents added since the last call."""
        import pyarrow as pa

        columns = [pa.array(self._columns[field.name], field.type) for field in self._schema]
        self._clear()
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)
