"""LZ4 frames (LZ4 frame format 1.6), with Resiliparse's decoder."""

import io
from collections.abc import Iterator
from typing import BinaryIO

from dspipe.pipeline.storage.compression.damage import DamagedError
from dspipe.pipeline.storage.compression.streams import CHUNK
from dspipe.pipeline.storage.compression.zstd import SKIPPABLE

_MAGIC = b"\x04\x22\x4d\x18"


def lz4_pieces(stream: BinaryIO, head: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """(frame, bytes) of LZ4 frames; skippable ones are skipped."""
    from fastwarc.stream_io import Lz4Reader

    source, frame = _Joined(head, stream), start
    while source.peek():
        stored = _Lz4Frame(source)
        try:
            if source.skip_skippable():
                frame = start + source.position
                continue
            decoder = Lz4Reader(stored)
            while piece := decoder.read(CHUNK):
                yield frame, piece
        except OSError as error:
            if source.failure is not None:
                raise source.failure from None
            raise DamagedError(f"lz4: {error}", frame, start + source.position) from None
        if not stored.whole:
            raise DamagedError("lz4: the file ends in the middle of a frame", frame, start + source.position, cut=True)
        frame = start + source.position


class _Joined:
    """The first bytes of a stream that were already read, and the rest; remembers an error of the storage."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head, self._stream, self.position = head, stream, 0
        self.failure: OSError | None = None

    def peek(self) -> bool:
        """Whether there is more."""
        if not self._head:
            self._head = self._stream.read(CHUNK)
        return bool(self._head)

    def skip_skippable(self) -> bool:
        """Whether there was a skippable frame, which is behind now. Raises OSError where it is cut short."""
        while len(self._head) < 8 and (more := self._stream.read(CHUNK)):
            self._head += more
        if not SKIPPABLE.match(self._head):
            return False
        missing = 8 + int.from_bytes(self._head[4:8], "little")
        while missing and (part := self.read(min(missing, CHUNK))):
            missing -= len(part)
        if missing:
            raise OSError("the file ends in the middle of a frame to skip")
        return True

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end."""
        try:
            while len(self._head) < size and (more := self._stream.read(max(CHUNK, size - len(self._head)))):
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
        if len(header) < 7 or not header.startswith(_MAGIC):
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
