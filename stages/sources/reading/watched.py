"""A stream that a library reads from: tells what failed, the storage or the library on what it was given."""

import io
from typing import BinaryIO


class Watched(io.RawIOBase):
    """Passes everything on to a stream and remembers what the storage raised."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self.failure: Exception | None = None

    def raise_failure(self) -> None:
        """Raise what the storage raised, if anything: libraries put it into errors of their own."""
        if self.failure is not None:
            raise self.failure

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._stream.seekable()

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except Exception as error:
            self.failure = error
            raise

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._stream.seek(offset, whence)
        except Exception as error:
            # libraries seek to where a damaged file sends them; the storage refuses that with ValueError or EINVAL
            if not (isinstance(error, ValueError) or getattr(error, "errno", None) == 22):
                self.failure = error
            raise

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()
        super().close()
