"""Reading text files where there is no pipeline: batches of documents with their language and domain."""

import io
import json
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow.parquet as pq

from dspipe.tokenizer.compressed_files import open_decompressed

BATCH_BYTES = 8 << 20
UNKNOWN = "unknown"


class TextFileError(Exception):
    """A file that cannot be read; the message says why."""


@dataclass(frozen=True)
class Document:
    """A text, and what its record says of it."""

    text: str
    language: str = UNKNOWN
    domain: str = UNKNOWN


def read_documents(paths: Iterable[Path]) -> Iterator[Document]:
    """The documents of .jsonl and .parquet files (fields text; lang or language; domain) and of plain text files, each
    one document, .gz and .zst or not; `-` is plain text from standard input. Invalid UTF-8 is replaced. Raises
    TextFileError."""
    for path in paths:
        try:
            yield from _read_file(path)
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or error
            raise TextFileError(f"cannot read {path}: {reason}") from error


def batch_documents(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """The documents in batches of about BATCH_BYTES."""
    batch, size = [], 0
    for document in documents:
        batch.append(document)
        size += len(document.text)
        if size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read_file(path: Path) -> Iterator[Document]:
    if path == Path("-"):
        yield Document(sys.stdin.buffer.read().decode("utf-8", "replace"))
    elif ".parquet" in path.suffixes:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=1024):
            yield from map(_make_document, batch.to_pylist())
    elif ".jsonl" in path.suffixes:
        with _open(path) as lines:
            for number, line in enumerate(lines, 1):
                try:
                    record = json.loads(line)
                except ValueError as error:
                    raise TextFileError(f"{path}, line {number}: {error}") from error
                if not isinstance(record, dict) or not isinstance(record.get("text"), str):
                    raise TextFileError(f"{path}, line {number}: has no field `text` with a string")
                yield _make_document(record)
    else:
        with _open(path) as file:
            yield Document(file.read())


def _make_document(record: dict[str, Any]) -> Document:
    # a lone surrogate, which JSON can write, is no UTF-8
    text = (record.get("text") or "").encode("utf-8", "replace").decode()
    language = record.get("language") or record.get("lang") or UNKNOWN
    return Document(text, str(language), str(record.get("domain") or UNKNOWN))


def _open(path: Path) -> IO[str]:
    return io.TextIOWrapper(open_decompressed(path), "utf-8", "replace", newline="")
