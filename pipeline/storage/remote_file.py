"""A remote file as a stream that can seek: read in ranges, ahead where it is read on and on."""

import io
import tempfile
from typing import BinaryIO, cast

from dspipe.pipeline.errors import StorageError
from dspipe.pipeline.storage.objects import NoRangesError, PatientObjects

AHEAD = 16 << 20
"""bytes that are asked for at a time where a file is read from one end to the other"""
_FIRST_AHEAD = 1 << 20
_TAIL = 256 << 10
"""bytes at the end that come with the size: the footer of most Parquet files, and all of many"""


class RemoteFile(io.RawIOBase):
    """A file in ranges: exactly what is asked for, and where reading goes on from where it ended more and more ahead.

    Nothing is asked for before something is read. The size comes with the first answer, so that there is no request for
    it alone. Raises StorageError where the file changes while it is read.
    """

    def __init__(self, objects: PatientObjects, path: str, ahead: int = 0) -> None:
        super().__init__()
        self._objects, self._path = objects, path
        self._position, self._ahead = 0, ahead
        self._held, self._held_at, self._held_end = b"", 0, -1
        self._tail, self._tail_at = b"", 0
        self._size: int | None = None
        self._etag: str | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        base = {0: 0, 1: self._position}.get(whence)
        position = offset + (self.size if base is None else base)
        if position < 0:
            raise ValueError(f"negative seek position {position}")
        self._position = position
        return position

    @property
    def size(self) -> int:
        """Bytes of the file."""
        if self._size is None:
            self.look_up()
        return cast(int, self._size)

    def look_up(self) -> None:
        """Ask for the end of the file, with which its size comes. Raises FileNotFoundError."""
        piece = self._objects.read(self._path, -_TAIL)
        self._note(piece.size, piece.etag)
        self._tail, self._tail_at = piece.data, (piece.size or 0) - len(piece.data)

    def read(self, size: int | None = -1) -> bytes:
        """`size` bytes, fewer only at the end of the file."""
        if size is None or size < 0:
            size = max(0, self.size - self._position)
        data = self._range(self._position, self._position + size)
        self._position += len(data)
        return data

    def readall(self) -> bytes:
        return self.read()

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _range(self, start: int, end: int) -> bytes:
        if self._size is not None:
            end = min(end, self._size)
        if end <= start:
            return b""
        if self._tail and start >= self._tail_at:
            return self._tail[start - self._tail_at : end - self._tail_at]
        held_end = self._held_at + len(self._held)
        if self._held_at <= start and end <= held_end:
            return self._held[start - self._held_at : end - self._held_at]
        if start == self._held_end or (self._held_at <= start < held_end):  # reading goes on
            self._ahead = min(max(2 * self._ahead, _FIRST_AHEAD), AHEAD)
        elif self._held_end >= 0:
            self._ahead = 0
        before = self._held[start - self._held_at :] if self._held_at <= start < held_end else b""
        more = self._fetch(start + len(before), max(end, start + len(before) + self._ahead))
        self._held, self._held_at = before + more if before else more, start
        self._held_end = min(end, start + len(self._held))
        return self._held[: end - start]

    def _fetch(self, start: int, end: int) -> bytes:
        piece = self._objects.read(self._path, start, end if self._size is None else min(end, self._size))
        self._note(piece.size, piece.etag)
        return piece.data

    def _note(self, size: int | None, etag: str | None) -> None:
        if size is None:  # the storage doesn't say
            return
        if self._size is not None and (size, etag) != (self._size, self._etag):
            raise StorageError(f"{self._objects.shown(self._path)} was changed while it was read; start again")
        self._size, self._etag = size, etag


def open_remote(objects: PatientObjects, path: str) -> BinaryIO:
    """A remote file to be read from its beginning on, as a buffered stream that can seek; of a server that gives whole
    files only, a copy. The first bytes are asked for at once.

    Raises FileNotFoundError, StorageError, UnavailableError.
    """
    file = RemoteFile(objects, path, AHEAD)
    try:
        file.read(1)
    except NoRangesError:
        return copy_whole(objects, path)
    file.seek(0)
    return io.BufferedReader(file, 1 << 20)


def open_here_and_there(objects: PatientObjects, path: str) -> BinaryIO:
    """A remote file of which single places are read, such as columns of a Parquet file: its end is asked for at once,
    else exactly what is read; of a server that gives whole files only, a copy.

    Raises FileNotFoundError, StorageError, UnavailableError.
    """
    file = RemoteFile(objects, path)
    try:
        file.look_up()
    except NoRangesError:
        return copy_whole(objects, path)
    return cast(BinaryIO, file)


def copy_whole(objects: PatientObjects, path: str) -> BinaryIO:
    """A file of a server that gives whole files only, as a temporary file."""
    from dspipe.pipeline.storage.http import HttpObjects

    client = objects.raw
    if not isinstance(client, HttpObjects):
        raise StorageError(f"cannot read {objects.shown(path)}: the storage gives no parts of files")
    copy = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
    objects.waiting(path, "read").call(lambda: client.download(path, copy))
    copy.seek(0)
    return cast(BinaryIO, copy)
