"""Reads documents from CSV files (RFC 4180), plain or compressed: one a row, columns named by the first row.

sources:
  - {name: posts, format: examples.csv_source, path: "posts/*.csv.gz", fields: {text: body, url: [link]}}
"""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import Field

from dspipe.pipeline.source import InputFile, Reading, Source, SourceConfig
from dspipe.pipeline.storage.compression.damage import DamagedError
from dspipe.pipeline.storage.compression.detect import decompressed, open_at
from dspipe.stages.sources.reading.batches import BatchBuilder, too_long
from dspipe.stages.sources.reading.fields import Fields

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Config(SourceConfig):
    """Files of comma-separated values. A row may have `max_document_bytes` bytes."""

    fields: Fields = Field(default=Fields(), description="names of the columns")
    delimiter: str = Field(",", min_length=1, max_length=1, description="what stands between two values")


class CsvSource(Source[Config]):
    """Documents from CSV files."""

    Config = Config
    suffixes = (".csv",)

    def read(self, shard: Sequence[InputFile], reading: Reading) -> Iterator[pa.RecordBatch]:
        """The shard's documents. Rows that hold none are quarantined."""
        builder = BatchBuilder(reading)
        for file in shard:
            for line, row in self._rows(file, reading):
                self._add(file, line, row, builder, reading)
                if builder.full:
                    yield builder.take()
        if len(builder):
            yield builder.take()

    def _rows(self, file: InputFile, reading: Reading) -> Iterator[tuple[int, dict[str, str]]]:
        """The rows of a file, by the names in its first row, and the line that each begins in."""
        csv.field_size_limit(self.config.max_document_bytes)
        with open_at(reading, file, 0) as stored:
            _, pieces = decompressed(stored, memory=reading.memory)
            text = io.TextIOWrapper(io.BufferedReader(Pieces(pieces)), "utf-8", errors="replace", newline="")
            rows = csv.reader(text, delimiter=self.config.delimiter, strict=True)
            names: list[str] | None = None
            while True:
                line = rows.line_num + 1
                try:
                    values = next(rows)
                except StopIteration:
                    return
                except csv.Error as error:  # this row's: reading goes on behind it
                    reading.bad(file, f"line {line}", f"not CSV: {error}")
                    continue
                except DamagedError as error:
                    reading.bad(file, f"line {line}", f"{error}; the file is not read from this line on")
                    return
                if names is None:
                    names = values
                    names[:1] = [name.removeprefix("\ufeff") for name in names[:1]]
                    if self.config.fields.text not in names:
                        message = f"no column {self.config.fields.text!r}; there are {', '.join(names)}"
                        reading.bad(file, f"line {line}", message)
                        return
                elif len(values) == len(names):
                    yield line, dict(zip(names, values, strict=True))
                elif values:
                    message = f"{len(values)} values, but the first row names {len(names)} columns"
                    reading.bad(file, f"line {line}", message)

    def _add(self, file: InputFile, line: int, row: dict[str, str], builder: BatchBuilder, reading: Reading) -> None:
        fields, limit = self.config.fields, self.config.max_document_bytes
        text = row[fields.text]
        if len(text.encode()) > limit:
            reading.bad(file, f"line {line}", f"the text has {too_long(limit)}")
            return

        def first(names: Sequence[str]) -> str | None:
            return next((row[name] for name in names if row.get(name)), None)

        builder.add(
            file,
            f"line {line}",
            first(fields.id) or f"{self.config.name}/{file.name}/{line}",
            text,
            url=first(fields.url),
            date=first(fields.date),
            domain=first(fields.domain),
            language=first(fields.language),
        )


class Pieces(io.RawIOBase):
    """Decompressed pieces as a stream."""

    def __init__(self, pieces: Iterator[tuple[int, bytes]]) -> None:
        self._pieces, self._left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece[1]
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size
