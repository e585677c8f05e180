"""CDXJ files, the lines of a crawl's URL index: `org,example)/page 20240301120000 {"url": ..., "offset": ...}`.

A line is a sortable form of the URL, a time of 14 digits, and a JSON object, whose values are text for the most part
(numbers too). Form: https://specs.webrecorder.net/cdxj/0.1.0/. What an index server answers (`output=json`) is
understood as well: objects alone, with `urlkey` and `timestamp` among their fields.
"""

import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from dspipe.pipeline.storage.compression.damage import DamagedError
from dspipe.pipeline.storage.compression.detect import decompressed

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_BYTES = 4 << 20
_LINE = r"^(?:(?P<urlkey>[^ ]+) (?P<timestamp>[0-9]{1,17}) )?(?P<json>\{.*\})[ \r]*$"

_BEFORE = ("urlkey", "timestamp")


class NoCdxjError(Exception):
    """A line isn't what lines of the form are: a sentence that says which and why."""


def cdxj_batches(stream: BinaryIO, fields: Sequence[str]) -> "Iterator[pa.RecordBatch]":
    """The lines of a file, compressed or not: `urlkey`, `timestamp` and the `fields` of the objects, all as text, null
    where a line has none. Raises NoCdxjError, and OSError where the storage fails."""
    first_line = 1
    for block in _blocks(stream):
        numbered = list(_numbered(block, first_line))
        first_line += block.count(b"\n")
        if numbered:
            yield _batch(numbered, fields)


def fields_of_first_lines(stream: BinaryIO, lines: int = 1000) -> list[str]:
    """The fields that the objects of the first lines have. Raises NoCdxjError."""
    found: dict[str, None] = {}
    block = next(_blocks(stream), b"")
    for number, line in _numbered(block, 1):
        if number > lines:
            break
        match = re.match(_LINE, line)
        if match is None:
            raise _no_line(number, line)
        found |= dict.fromkeys(_object(number, match["json"]))
    return list(found)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Whole lines, some MiB at a time."""
    rest = bytearray()
    try:
        for _, piece in decompressed(stream)[1]:
            rest += piece
            if len(rest) >= _BLOCK_BYTES and (end := rest.rfind(b"\n") + 1):
                yield bytes(rest[:end])
                del rest[:end]
    except DamagedError as error:
        raise NoCdxjError(f"can't be decompressed: {error}") from None
    if rest:
        yield bytes(rest)


def _numbered(block: bytes, first: int) -> Iterator[tuple[int, str]]:
    """The lines of a block that aren't empty, with their numbers; one that begins with ! is about the file."""
    for number, line in enumerate(block.decode("utf-8", "replace").split("\n"), first):
        if line.strip() and line[0] != "!":
            yield number, line


def _batch(numbered: list[tuple[int, str]], fields: Sequence[str]) -> "pa.RecordBatch":
    import pyarrow as pa
    import pyarrow.compute as pc

    split = pc.extract_regex(pa.array([line for _, line in numbered], pa.string()), _LINE)
    if split.null_count:
        number, line = numbered[pc.index(pc.is_null(split), True).as_py()]
        raise _no_line(number, line)
    before, objects = {name: split.field(name) for name in _BEFORE}, split.field("json")
    bare = pc.equal(before["urlkey"], "")
    if not pc.any(bare).as_py():
        return pa.RecordBatch.from_pydict(before | _columns(numbered, objects, fields))
    columns = _columns(numbered, objects, [*fields, *_BEFORE])
    return pa.RecordBatch.from_pydict(
        columns | {name: pc.if_else(bare, columns[name], before[name]) for name in _BEFORE}
    )


def _columns(
    numbered: list[tuple[int, str]], objects: "pa.StringArray", fields: Sequence[str]
) -> dict[str, "pa.Array"]:
    import pyarrow as pa
    import pyarrow.json

    text = "\n".join(objects.to_pylist()).encode()
    schema = pa.schema([pa.field(name, pa.string()) for name in fields])
    options = pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    # one block, so that a long line is no trouble; values that are numbers make it fail
    with suppress(pa.ArrowInvalid):
        table = pa.json.read_json(
            io.BytesIO(text), pa.json.ReadOptions(use_threads=False, block_size=len(text) + 1), options
        )
        if table.num_rows == len(objects):
            return {name: table.column(name).combine_chunks() for name in fields}
    rows = [_object(number, line) for (number, _), line in zip(numbered, objects.to_pylist(), strict=True)]
    return {name: pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in fields}


def _no_line(number: int, line: str) -> NoCdxjError:
    said = "it is a CDX file of the old form, with a column for each letter; " if line.startswith(" CDX") else ""
    return NoCdxjError(f"line {number} is none of a CDXJ file: {said}lines are `urlkey timestamp {{json}}`")


def _object(number: int, text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoCdxjError(f"line {number} is none of a CDXJ file: no JSON object ends it ({error})") from None
    if not isinstance(found, dict):
        raise NoCdxjError(f"line {number} is none of a CDXJ file: no JSON object ends it")
    return found


def _text(value: object) -> str | None:
    return None if value is None else value if isinstance(value, str) else json.dumps(value)
