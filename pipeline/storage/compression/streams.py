"""gzip, bzip2 and xz: any number of members or streams one behind the other, each a frame.

Formats: RFC 1952; https://tukaani.org/xz/xz-file-format.txt (with stream padding).
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

from dspipe.pipeline.storage.compression.damage import DamagedError

CHUNK = 128 << 10
"""stored bytes that are read at a time"""
_OUTPUT = 4 << 20
_SALVAGE = 64
# small, so that where damage is can be told
_FED = 4 << 10


def gzip_pieces(stream: BinaryIO, chunk: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    decoder, fresh, frame, position = zlib.decompressobj(31), True, start, start
    while chunk:
        if fresh and chunk[0] == 0:
            # tape blocks and some downloads pad the end of a member with zeros
            unpadded = chunk.lstrip(b"\0")
            position += len(chunk) - len(unpadded)
            frame = position
            chunk = unpadded or stream.read(CHUNK)
            continue
        before = None if fresh else decoder.copy()
        try:
            piece = decoder.decompress(chunk, _OUTPUT)
        except zlib.error as error:
            for good, piece in _salvage(before or zlib.decompressobj(31), chunk):
                position += good
                if piece:
                    yield frame, piece
            raise DamagedError(f"gzip: {error}", frame, position) from None
        if piece:
            yield frame, piece
        fresh = decoder.eof
        rest = decoder.unused_data if fresh else decoder.unconsumed_tail
        position += len(chunk) - len(rest)
        if fresh:
            decoder, frame = zlib.decompressobj(31), position
        chunk = rest or stream.read(CHUNK)
    if not fresh:
        raise DamagedError("gzip: the file ends in the middle of a member", frame, position, cut=True)


def _salvage(decoder: "zlib._Decompress", chunk: bytes) -> Iterator[tuple[int, bytes]]:
    """What can be had from a chunk that is damaged, in small steps up to the damage: (stored bytes, content)."""
    try:
        for i in range(0, len(chunk), _SALVAGE):
            part = chunk[i : i + _SALVAGE]
            yield len(part), decoder.decompress(part)
    except zlib.error:
        return


def bzip2_pieces(stream: BinaryIO, chunk: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """(frame, bytes) of bzip2 streams."""
    return _pieces("bzip2", bz2.BZ2Decompressor, stream, chunk, start)


def xz_pieces(stream: BinaryIO, chunk: bytes, start: int, memory: int) -> Iterator[tuple[int, bytes]]:
    """(frame, bytes) of xz streams whose dictionaries fit in `memory` bytes."""
    return _pieces("xz", partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, memory), stream, chunk, start)


def _pieces(
    name: str,
    make: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor],
    stream: BinaryIO,
    chunk: bytes,
    start: int,
) -> Iterator[tuple[int, bytes]]:
    decoder, fresh, frame, position = make(), True, start, start
    while chunk:
        if fresh and chunk[0] == 0:
            unpadded = chunk.lstrip(b"\0")
            position += len(chunk) - len(unpadded)
            frame, chunk = position, unpadded or stream.read(CHUNK)
            continue
        fed, later = chunk[:_FED], chunk[_FED:]
        fed_bytes = len(fed)
        while True:
            try:
                piece = decoder.decompress(fed, _OUTPUT)
            except (OSError, EOFError, lzma.LZMAError) as error:
                raise DamagedError(f"{name}: {error}", frame, position) from None
            if piece:
                yield frame, piece
            fed = b""
            if decoder.eof or decoder.needs_input:
                break
        fresh = decoder.eof
        rest = decoder.unused_data if fresh else b""
        position += fed_bytes - len(rest)
        if fresh:
            decoder, frame = make(), position
        chunk = rest + later or stream.read(CHUNK)
    if not fresh:
        raise DamagedError(f"{name}: the file ends in the middle of a stream", frame, position, cut=True)
