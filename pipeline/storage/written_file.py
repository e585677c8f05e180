"""A file that is being written: what goes into it is counted and hashed on the way, so that nobody reads it back."""

import hashlib
import io
from typing import BinaryIO, NamedTuple


class Written(NamedTuple):
    """Bytes and sha256 of a file as it was written."""

    size: int
    sha256: str


class WrittenFile(io.RawIOBase):
    """Passes what is written on to `target`, in order: there is no seeking back. Closing it leaves the target open."""

    def __init__(self, target: BinaryIO) -> None:
        super().__init__()
        self._target, self._size, self._digest = target, 0, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        view = memoryview(data).cast("B")
        self._target.write(view)
        self._digest.update(view)
        self._size += len(view)
        return len(view)

    @property
    def written(self) -> Written:
        """What was written so far."""
        return Written(self._size, self._digest.hexdigest())
