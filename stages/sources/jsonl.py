"""JSON lines: one object a line, plain, .gz, .zst, .lz4, .bz2 or .xz."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO

from pydantic import Field

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.source import Domains, InputFile, Reading, Source, SourceConfig
from dspipe.pipeline.storage.compression.damage import DamagedError
from dspipe.pipeline.storage.compression.detect import decompressed, open_at
from dspipe.stages.sources.reading.batches import PIECE, BatchBuilder, too_long
from dspipe.stages.sources.reading.fields import Fields
from dspipe.stages.sources.reading.guess import advice, first_objects, guess_format, names_there, read_head
from dspipe.stages.sources.reading.long_lines import LongString, parse_long
from dspipe.stages.sources.reading.losses import Losses, stored_size
from dspipe.stages.sources.reading.taken_along import COLUMNS, Columns, fields_of, value_of

if TYPE_CHECKING:
    import pyarrow as pa


_BLANK_LINES = re.compile(rb"\s*\n")


class Config(SourceConfig):
    """Files with one JSON object a line, plain or compressed. A line may have `max_document_bytes` bytes."""

    fields: Fields = Field(default=Fields(), description="names of the fields")
    columns: Columns = Field(default={}, description=COLUMNS)


class JsonlSource(Source[Config]):
    """Documents from JSON lines."""

    Config = Config
    suffixes = (".jsonl", ".json", ".ndjson", ".jsonlines", ".jl")

    def check_first_file(self, file: InputFile, stream: BinaryIO) -> frozenset[str]:
        head = read_head(stream)
        objects = first_objects(head)
        if not objects:
            said = advice(guess_format(head, file.name))
            if said is not None and not said.startswith("it holds JSON lines"):
                raise ConfigError(f"{file.path} holds no JSON lines; {said}", ("format",))
            return frozenset()
        fields = self.config.fields
        if all(_find(row, fields.text) is None for row in objects):
            there = names_there(name for row in objects for name in row)
            raise ConfigError(
                f"none of the first {len(objects)} records of {file.path} has the field {fields.text!r}; they have: "
                f"{there}. Name the one with the text as `fields: {{text: ...}}`",
                ("fields", "text"),
            )
        self._check_columns(file, objects)
        return frozenset(domain for row in objects if (domain := _string(row, fields.domain)) is not None)

    def domains(self) -> Domains:
        return Domains(frozenset({self.config.domain}), others=bool(self.config.fields.domain))

    def columns(self) -> "tuple[pa.Field, ...]":
        return fields_of(self.config.columns)

    def _check_columns(self, file: InputFile, objects: Sequence[dict[str, Any]]) -> None:
        """Raises ConfigError where none of the first records has a field, or where one has another type."""
        for name, column in self.config.columns.items():
            if all(_find(row, column.field) is None for row in objects):
                there = names_there(name for row in objects for name in row)
                message = f"none of the first {len(objects)} records of {file.path} has the field {column.field!r}"
                raise ConfigError(f"{message}; they have: {there}", ("columns", name))
            try:
                for row in objects:
                    value_of(_find(row, column.field), column)
            except ValueError as error:
                raise ConfigError(f"{file.path}: {error}", ("columns", name)) from None

    def read(self, shard: Sequence[InputFile], reading: Reading) -> Iterator["pa.RecordBatch"]:
        """The shard's documents. Lines that hold none are quarantined, blank ones ignored."""
        builder = BatchBuilder(reading, self.columns())
        for file in shard:
            for number, line in lines(file, reading, self.config.max_document_bytes, self.typical_document_bytes):
                try:
                    self._add(file, number, line, builder)
                except ValueError as error:
                    reading.bad(file, f"line {number}", str(error), record=line)
                if builder.full:
                    yield builder.take()
        if len(builder):
            yield builder.take()

    def _add(self, file: InputFile, number: int, line: bytes | bytearray, builder: BatchBuilder) -> None:
        row, strings = _parse(line)
        fields = self.config.fields
        text = _find(row, fields.text)
        for string in strings:
            if string is not text:
                string.check()
        taken = {name: value_of(_plain(_find(row, one.field)), one) for name, one in self.config.columns.items()}
        # long strings are still in the line: they are taken before it is cleared
        names = {name: _string(row, getattr(fields, name)) for name in ("id", "url", "date", "domain", "language")}
        if isinstance(text, LongString):
            text = text.utf8()
        if isinstance(line, bytearray):
            line.clear()  # its memory is that of the batch to come
        if not isinstance(text, str | bytearray):
            kind = "int" if isinstance(text, _LongNumber) else type(text).__name__
            found = "null" if text is None else f"of type {kind}"
            missing = text is None and fields.text not in row
            there = f"no field {fields.text!r}; there are {names_there(row) or 'none'}"
            raise ValueError(there if missing else f"the field {fields.text!r} is {found}, not a string")
        builder.add(
            file,
            f"line {number}",
            names["id"] or f"{self.config.name}/{file.name}/{number}",
            text,
            url=names["url"],
            date=names["date"],
            domain=names["domain"],
            language=names["language"],
            taken=taken,
        )


def lines(
    file: InputFile, reading: Reading, max_bytes: int, typical_bytes: int
) -> Iterator[tuple[int, bytes | bytearray]]:
    """The lines of a file that aren't blank, with their numbers from 1, without their ends.

    Lines of more than `max_bytes` bytes are quarantined without being held in memory, and so is damage. A line that is
    a bytearray is the caller's, to be cleared as soon as it has been read. `typical_bytes` are the stored ones of a
    document, for an estimate of what damage costs.
    """
    number, size = 1, 0
    held = bytearray()
    with closing(open_at(reading, file, 0)) as stream:
        _, pieces = decompressed(stream, memory=reading.memory)
        try:
            for _, piece in pieces:
                begin = 0
                while (end := piece.find(b"\n", begin)) >= 0:
                    size += end - begin
                    if size > max_bytes:
                        _too_long(file, reading, number, size, max_bytes)
                    elif held:
                        held += memoryview(piece)[begin:end]
                        if not held.isspace():
                            yield number, held
                    elif size and not (line := piece[begin:end]).isspace():
                        yield number, line
                    number, held, size, begin = number + 1, bytearray(), 0, end + 1
                    # a file of 1 GiB of line feeds (1 MB packed) took minutes, line by line
                    if piece[begin : begin + 1].isspace() and (blank := _BLANK_LINES.match(piece, begin)):
                        number, begin = number + piece.count(b"\n", begin, blank.end()), blank.end()
                size += len(piece) - begin
                if size <= max_bytes:
                    held += memoryview(piece)[begin:]
                else:
                    held = bytearray()
        except DamagedError as error:
            losses = Losses(typical_bytes)
            losses.record(error.at, number - 1)
            lost = losses.lost(error.at, stored_size(file, stream, error.at))
            message = f"{error}; the file is not read from this line on"
            reading.bad(file, f"line {number}", message, records=lost, estimated=lost > 1)
            return
    if size > max_bytes:
        _too_long(file, reading, number, size, max_bytes)
    elif held and not held.isspace():
        yield number, held


def _too_long(file: InputFile, reading: Reading, number: int, size: int, max_bytes: int) -> None:
    reading.bad(file, f"line {number}", f"the line has {size} bytes, {too_long(max_bytes)}")


def _parse(line: bytes | bytearray, **hooks: Any) -> tuple[dict[str, Any], list[LongString]]:
    """The object in a line, and the strings in it that are still to be decoded. Raises ValueError."""
    try:
        if len(line) > PIECE:
            row, strings = parse_long(line, object_pairs_hook=_object, **hooks)
        else:
            row, strings = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_object, **hooks), []
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: {error.reason} at byte {error.start} of the line") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg.removesuffix(' at')} at character {error.pos} of the line") from None
    except RecursionError:
        raise ValueError("not readable: nested too deeply") from None
    except ValueError:
        if hooks:
            raise
        # a number of more digits than Python makes an integer of (4,300)
        return _parse(line, parse_int=_LongNumber)
    if not isinstance(row, dict):
        raise ValueError(f"not a JSON object, but of type {type(row).__name__}")
    return row, strings


class _LongNumber:
    """A whole number as its digits: an integer of many thousands takes quadratic time."""

    def __init__(self, digits: str) -> None:
        self._digits = digits

    def __str__(self) -> str:
        return self._digits


class _Ambiguous(dict[str, Any]):
    """An object that has fields twice, which matters only where one of them is read."""

    twice: frozenset[str]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) == len(pairs):
        return row
    ambiguous = _Ambiguous(row)
    ambiguous.twice = frozenset(name for name, n in Counter(name for name, _ in pairs).items() if n > 1)
    return ambiguous


def _find(row: dict[str, Any], name: str) -> Any:
    """The value of a field, by its name or by the dotted path to it; null where there is none. Raises ValueError where
    it is there twice."""
    value: Any = row.get(name) if type(row) is dict else _get(row, name)
    if value is None and "." in name:
        value = row
        for part in name.split("."):
            value = _get(value, part) if isinstance(value, dict) else None
    return value


def _get(row: dict[str, Any], name: str) -> Any:
    if isinstance(row, _Ambiguous) and name in row.twice:
        raise ValueError(f"the field {name!r} is there twice")
    return row.get(name)


def _plain(value: Any) -> Any:
    """A value as Python's json gives it."""
    if isinstance(value, LongString):
        return value.utf8().decode()
    return float(str(value)) if isinstance(value, _LongNumber) else value


def _string(row: dict[str, Any], names: Sequence[str]) -> str | None:
    """The first of the named values that is a number or a string that isn't empty, as a string."""
    for name in names:
        value = _find(row, name)
        if isinstance(value, LongString):
            value = value.utf8().decode()
        if isinstance(value, str | int | float | _LongNumber) and not isinstance(value, bool) and value != "":
            return str(value)
    return None
