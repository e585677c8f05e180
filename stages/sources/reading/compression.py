"""Decompression of input files, told by their first bytes: gzip, Zstandard, LZ4 frames, or none.

A file is a sequence of frames (gzip members, Zstandard or LZ4 frames): web archives put one record into each, so a
frame is where reading can start again behind damage. What was decompressed before the damage is always given out.
"""

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Literal, Protocol

from dspipe.pipeline.source import InputFile, Reading

Kind = Literal["gzip", "zstd", "lz4", "plain"]

MAGIC: dict[Kind, bytes] = {"gzip": b"\x1f\x8b\x08", "zstd": b"\x28\xb5\x2f\xfd", "lz4": b"\x04\x22\x4d\x18"}
"""RFC 1952 section 2.3.1 (with the only method there is), RFC 8878 section 3.1.1, LZ4 frame format 1.6"""

_CHUNK = 128 << 10
# one Zstandard block of 4 bytes may stand for 128 KiB, so what is fed at once bounds the memory to 32 times 4 MiB
_ZSTD_CHUNK = 4 << 10
_GZIP_OUTPUT = 4 << 20
_SALVAGE = 64


class DamagedError(Exception):
    """The file can't be decompressed, or read, beyond this point. `frame` is the file offset of the frame at fault."""

    def __init__(self, message: str, frame: int) -> None:
        super().__init__(message)
        self.frame = frame


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


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


def kind_of(head: bytes) -> Kind:
    """The compression of a file by its first bytes."""
    return next((kind for kind, magic in MAGIC.items() if head.startswith(magic)), "plain")


def decompressed(stream: BinaryIO, start: int = 0) -> tuple[Kind, Iterator[tuple[int, bytes]]]:
    """How a stored stream is compressed, and its content in pieces: (file offset of the piece's frame, bytes).

    `start` is the file offset of the stream's first byte; it must be the start of a frame, or the file not compressed.
    No piece is in two frames. The iterator raises DamagedError behind the last good piece, OSError where the storage
    fails.
    """
    head = stream.read(_CHUNK)
    kind = kind_of(head)
    return kind, {"gzip": _gzip, "zstd": _zstd, "lz4": _lz4, "plain": _plain}[kind](stream, head, start)


def _plain(stream: BinaryIO, head: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    while head:
        yield start, head
        head = stream.read(_CHUNK)


def _gzip(stream: BinaryIO, chunk: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    decoder, fresh, frame, position = zlib.decompressobj(31), True, start, start
    while chunk:
        if fresh and chunk[0] == 0:
            # tape blocks and some downloads pad the end of a member with zeros
            unpadded = chunk.lstrip(b"\0")
            position += len(chunk) - len(unpadded)
            frame = position
            chunk = unpadded or stream.read(_CHUNK)
            continue
        before = None if fresh else decoder.copy()
        try:
            piece = decoder.decompress(chunk, _GZIP_OUTPUT)
        except zlib.error as error:
            for piece in _salvage(before or zlib.decompressobj(31), chunk):
                yield frame, piece
            raise DamagedError(f"gzip: {error}", frame) from None
        if piece:
            yield frame, piece
        fresh = decoder.eof
        rest = decoder.unused_data if fresh else decoder.unconsumed_tail
        position += len(chunk) - len(rest)
        if fresh:
            decoder, frame = zlib.decompressobj(31), position
        chunk = rest or stream.read(_CHUNK)
    if not fresh:
        raise DamagedError("gzip: the file ends in the middle of a member", frame)


def _salvage(decoder: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    """What can be had from a chunk that is damaged: its bytes before the damage, in small steps."""
    try:
        for i in range(0, len(chunk), _SALVAGE):
            yield decoder.decompress(chunk[i : i + _SALVAGE])
    except zlib.error:
        return


def _zstd(stream: BinaryIO, head: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    import zstandard

    factory = zstandard.ZstdDecompressor()
    decoder: _Decoder = factory.decompressobj()
    fresh, frame, position = True, start, start
    while head:
        chunk, head = head[:_ZSTD_CHUNK], head[_ZSTD_CHUNK:]
        while chunk:
            try:
                piece = decoder.decompress(chunk)
            except zstandard.ZstdError as error:
                raise DamagedError(f"zstd: {error}", frame) from None
            if piece:
                yield frame, piece
            fresh = decoder.eof
            rest = decoder.unused_data if fresh else b""
            position, chunk = position + len(chunk) - len(rest), rest
            if fresh:
                decoder, frame = factory.decompressobj(), position
        head = head or stream.read(_CHUNK)
    if not fresh:
        raise DamagedError("zstd: the file ends in the middle of a frame", frame)


def _lz4(stream: BinaryIO, head: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    from fastwarc.stream_io import Lz4Reader

    source, frame = _Joined(head, stream), start
    while source.peek():
        stored = _Lz4Frame(source)
        try:
            decoder = Lz4Reader(stored)
            while piece := decoder.read(_CHUNK):
                yield frame, piece
        except OSError as error:
            if source.failure is not None:
                raise source.failure from None
            raise DamagedError(f"lz4: {error}", frame) from None
        if not stored.whole:
            raise DamagedError("lz4: the file ends in the middle of a frame", frame)
        frame = start + source.position


class _Joined:
    """The first bytes of a stream that were already read, and the rest; remembers an error of the storage."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head, self._stream, self.position = head, stream, 0
        self.failure: OSError | None = None

    def peek(self) -> bool:
        """Whether there is more."""
        if not self._head:
            self._head = self._stream.read(_CHUNK)
        return bool(self._head)

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end."""
        try:
            while len(self._head) < size and (more := self._stream.read(max(_CHUNK, size - len(self._head)))):
                self._head += more
        except OSError as error:
            self.failure = error
            raise
        piece, self._head = self._head[:size], self._head[size:]
        self.position += len(piece)
        return piece


class _Lz4Frame(io.RawIOBase):
    """The stored bytes of one LZ4 frame (LZ4 frame format 1.6), and then no more: the decoder would read across."""

    def __init__(self, source: _Joined) -> None:
        super().__init__()
        self._parts, self._part, self._position = self._walk(source), b"", 0
        self.whole = False

    def _walk(self, source: _Joined) -> Iterator[bytes]:
        header = source.read(7)
        if len(header) < 7 or not header.startswith(MAGIC["lz4"]):
            raise OSError("no frame begins here")
        flags = header[4]
        yield header + source.read((8 if flags & 8 else 0) + (4 if flags & 1 else 0))
        while True:
            stored_size = source.read(4)
            yield stored_size
            size = int.from_bytes(stored_size, "little") & 0x7FFFFFFF
            if size > 4 << 20:
                raise OSError("a block of more than 4 MiB")
            if not size:
                break
            yield source.read(size + (4 if flags & 16 else 0))
        check_sum = source.read(4) if flags & 4 else b""
        self.whole = len(stored_size) == 4 and len(check_sum) == (4 if flags & 4 else 0)
        yield check_sum

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        while not self._part and (part := next(self._parts, None)) is not None:
            self._part = part
        size = size if size >= 0 else len(self._part)
        piece, self._part = self._part[:size], self._part[size:]
        self._position += len(piece)
        return piece
