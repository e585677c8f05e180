"""Local files as bytes, compressed or not: one that is cut short is an error, and no shorter file."""

import gzip
import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from zstandard import ZstdDecompressionObj

_READ_BYTES = 16 << 10


def open_decompressed(path: Path) -> BinaryIO:
    """The bytes of a file, decompressed where its name ends in .gz or .zst.

    Reading it raises OSError, EOFError or zlib.error for a file that is damaged or cut short.
    """
    if path.suffix == ".gz":
        return cast("BinaryIO", gzip.open(path, "rb"))
    if path.suffix == ".zst":
        return io.BufferedReader(_ZstdReader(path.open("rb")))
    return path.open("rb")


class _ZstdReader(io.RawIOBase):
    """The content of a zstd file, frame after frame: zstandard's own reader takes one that is cut short for whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame: ZstdDecompressionObj | None = None
        self._content = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        from zstandard import ZstdError

        while not self._content:
            try:
                data = self._next()
            except ZstdError as error:
                raise OSError(f"no whole zstd file: {error}") from error
            if data is None:
                return 0
            self._content = memoryview(data)
        size = min(len(buffer), len(self._content))
        buffer[:size], self._content = self._content[:size], self._content[size:]
        return size

    def close(self) -> None:
        self._file.close()
        super().close()

    def _next(self) -> bytes | None:
        """More content, perhaps none yet; None at the end of the file."""
        from zstandard import ZstdDecompressor

        data = b""
        if self._frame is None or self._frame.eof:
            data = self._frame.unused_data if self._frame is not None else b""
            self._frame = None
        data = data or self._file.read(_READ_BYTES)
        if self._frame is None:
            if not data:
                return None
            self._frame = ZstdDecompressor().decompressobj()
        elif not data:
            raise EOFError("the file is cut short")
        return self._frame.decompress(data)
