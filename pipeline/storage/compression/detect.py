"""Decompression of input files, told by their first bytes: gzip, Zstandard, LZ4 frames, bzip2, xz, or none.

A file is a sequence of frames (gzip members, Zstandard or LZ4 frames, ...): web archives put one record into each, so a
frame is where reading can start again behind damage. What was decompressed before the damage is always given out.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, Literal

from dspipe.pipeline.source import InputFile, Reading
from dspipe.pipeline.storage.compression.damage import DamagedError
from dspipe.pipeline.storage.compression.lz4 import lz4_pieces
from dspipe.pipeline.storage.compression.streams import CHUNK, bzip2_pieces, gzip_pieces, xz_pieces
from dspipe.pipeline.storage.compression.zstd import SKIPPABLE, skip_frames, zstd_pieces

Kind = Literal["gzip", "zstd", "lz4", "bzip2", "xz", "plain"]

MAGIC: dict[Kind, re.Pattern[bytes]] = {
    "gzip": re.compile(rb"\x1f\x8b\x08"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
    "lz4": re.compile(rb"\x04\x22\x4d\x18"),
    "bzip2": re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
}
"""RFC 1952 section 2.3.1 (with the only method there is), RFC 8878 section 3.1.1, LZ4 frame format 1.6; of bzip2 the
first block's, or the end's, since text may begin with `BZh`"""
_MEMORY = 128 << 20


def open_at(reading: Reading, file: InputFile, start: int) -> BinaryIO:
    """The stored bytes of `file` from the offset `start`, where the storage can't seek by reading up to it."""
    stream = reading.open(file)
    if start and stream.seekable():
        stream.seek(start)
    else:
        while start:
            skipped = len(stream.read(min(start, 1 << 20)))
            if not skipped:
                break
            start -= skipped
    return stream


def kind_of(head: bytes | bytearray) -> Kind:
    """The compression of a file by its first bytes."""
    return next((kind for kind, magic in MAGIC.items() if magic.match(head)), "plain")


def decompressed(
    stream: BinaryIO, start: int = 0, memory: int = 2 * _MEMORY, dictionary: bytes | None = None
) -> tuple[Kind, Iterator[tuple[int, bytes]]]:
    """How a stored stream is compressed, and its content in pieces: (file offset of the piece's frame, bytes).

    `start` is the file offset of the stream's first byte; it must be the start of a frame, or the file not compressed.
    Half of `memory` bytes may go to what the decoder looks back on. `dictionary` is that of the beginning of a file
    which is read from further on. No piece is in two frames. The iterator raises DamagedError behind the last good
    piece, OSError where the storage fails.
    """
    head = stream.read(CHUNK)
    skipped = SKIPPABLE.match(head)
    if skipped:
        try:
            head, start, found = skip_frames(stream, head, start)
        except DamagedError as damage:
            return "zstd", _raise(damage)
        dictionary = found or dictionary
    kind, memory = kind_of(head), memory // 2
    if kind == "gzip":
        return kind, gzip_pieces(stream, head, start)
    if kind == "zstd" or (skipped and kind != "lz4"):
        return "zstd", zstd_pieces(stream, head, start, memory, dictionary)
    if kind == "lz4":
        return kind, lz4_pieces(stream, head, start)
    if kind == "bzip2":
        return kind, bzip2_pieces(stream, head, start)
    if kind == "xz":
        return kind, xz_pieces(stream, head, start, memory)
    return kind, _plain(stream, head, start)


def _plain(stream: BinaryIO, head: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    while head:
        yield start, head
        head = stream.read(CHUNK)


def _raise(damage: DamagedError) -> Iterator[tuple[int, bytes]]:
    yield from ()
    raise damage
