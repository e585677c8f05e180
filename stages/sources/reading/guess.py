"""What format a file is likely to be of, by its first bytes: for a mistake in a config, and for `dspipe init`."""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO, Literal

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.storage.compression.damage import DamagedError
from dspipe.pipeline.storage.compression.detect import decompressed

Guess = Literal["warc", "wet", "wat", "jsonl", "json", "parquet", "files", "binary", "nothing"]
"""`json`: one JSON document over many lines; `nothing`: an empty file, or one that doesn't tell"""

HEAD_BYTES = 256 << 10
_TYPES = re.compile(rb"^WARC-Type:\s*(\w+)", re.MULTILINE | re.IGNORECASE)
_ARCHIVE = re.compile(rb"(^|\n)WARC/|^filedesc://")


def read_head(stream: BinaryIO) -> bytes:
    """The first bytes of a file's content, decompressed, up to what of it is good."""
    head = bytearray()
    _, pieces = decompressed(stream)
    with suppress(DamagedError):
        for _, piece in pieces:
            head += piece
            if len(head) >= HEAD_BYTES:
                break
    return bytes(head[:HEAD_BYTES])


def guess_format(head: bytes, name: str) -> Guess:
    """What a file is that begins so, decompressed, and has this name."""
    if not head.strip():
        return "nothing"
    if head.startswith(b"PAR1"):
        return "parquet"
    if _ARCHIVE.search(head):
        types = {found.lower() for found in _TYPES.findall(head)}
        if ".wat" in name.lower() or (b"metadata" in types and not types & {b"response", b"conversion", b"request"}):
            return "wat"
        known = types & {b"response", b"request", b"conversion"}
        return "wet" if b"conversion" in known or (not known and ".wet" in name.lower()) else "warc"
    from dspipe.stages.sources.files import is_binary

    if is_binary(head):
        return "binary"
    if first_objects(head) or (head.lstrip().startswith(b"{") and b"\n" not in head.strip()):
        return "jsonl"
    try:
        return "json" if _is_json(head) else "files"
    except RecursionError:  # nobody's text, and perhaps a line among others
        return "nothing"


def first_objects(head: bytes, most: int = 200) -> list[dict[str, object]]:
    """The JSON objects of the first whole lines that hold one."""
    lines = head.split(b"\n")
    if len(head) >= HEAD_BYTES and len(lines) > 1:
        del lines[-1]  # it is cut
    objects = []
    for line in [line for line in lines if line.strip()][:most]:
        with suppress(ValueError, RecursionError):
            value = json.loads(line.decode("utf-8-sig"))
            objects += [value] if isinstance(value, dict) else []
    return objects


def _is_json(head: bytes) -> bool:
    try:
        json.JSONDecoder().raw_decode(head.decode("utf-8-sig", "ignore").lstrip())
    except json.JSONDecodeError as error:
        # the beginning of a document that goes on
        return head.lstrip()[:1] in (b"[", b"{") and len(head) >= HEAD_BYTES and error.pos > HEAD_BYTES // 2
    return head.lstrip()[:1] in (b"[", b"{")


def advice(guess: Guess) -> str | None:
    """What to write in a config for a file that is this; None where nothing can be said."""
    return {
        "warc": "it is a WARC file of pages: write `format: warc`, and `- extract: {}` first in `stages`",
        "wet": "it is a WET file of extracted text: write `format: wet`",
        "wat": "it is a WAT file of metadata, which holds no text: name its WARC or WET file",
        "jsonl": "it holds JSON lines: write `format: jsonl`",
        "json": "it is one JSON document, and JSON lines are one object a line (`jq -c '.[]'` makes them of a list)",
        "parquet": "it is a Parquet file: write `format: parquet`",
        "files": "it looks like text: write `format: files`, which takes each file as a document",
    }.get(guess)


def refuse_other_format(name: str, guess: Guess, own: Guess, title: str) -> None:
    """Raises ConfigError where a file is likely to be of another format than its source's `own`, which has a title."""
    if guess != own and (said := advice(guess)) is not None:
        raise ConfigError(f"{name} is no {title} file; {said}", ("format",))


def names_there(names: Iterable[str], most: int = 12) -> str:
    """Names of fields or columns for a message."""
    listed = list(dict.fromkeys(names))
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
