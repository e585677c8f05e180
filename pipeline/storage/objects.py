"""What is asked of a remote storage, one request each, and the wrapper that asks again where that can help.

`Objects` is the interface of a client (`s3`, `http`, and `AnyObjects` for whatever else fsspec opens); its requests are
tried once. `PatientObjects` is the only thing that repeats them, and what everything else uses.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Protocol

from dspipe.pipeline.errors import StorageError
from dspipe.pipeline.storage.patience import Patience, Waiting

PART = 16 << 20
"""bytes uploaded at a time; what is smaller than four of them is uploaded at once"""

PathRange = tuple[str, int, int | None]
"""path, start (negative: from the end), end (exclusive; None: to the end)"""


class NoRangesError(Exception):
    """The server gives whole files only."""


class ConditionFailedError(Exception):
    """A conditional write found another object than it expects."""


class NoConditionsError(Exception):
    """The storage has no conditional writes."""


@dataclass(frozen=True)
class Piece:
    """Some bytes of a file. `size` and `etag` are the whole file's, `etag` whatever tells one version from another;
    `modified` and `now` are by the server's clock, in seconds since 1970. None: not known."""

    data: bytes
    size: int | None = None
    etag: str | None = None
    modified: float | None = None
    now: float | None = None


@dataclass(frozen=True)
class Listed:
    """A file in a listing. `info` has what the storage says of it, as fsspec names it."""

    name: str
    size: int
    modified: float | None
    info: dict[str, Any]


@dataclass(frozen=True)
class Page:
    """A part of a listing: files and folders right below, and how to ask for the next part."""

    files: Sequence[Listed]
    folders: Sequence[str]
    next: str | None = None


class Objects(Protocol):
    """Requests to a storage, each made once. Paths are as fsspec's file system calls them."""

    def get(self, path: str, start: int = 0, end: int | None = None) -> Piece:
        """Bytes of a file; a connection that breaks may have given the first of them, at least one unless there are
        none. Raises NoRangesError where the server can't begin at `start`."""

    def get_many(self, ranges: Sequence[PathRange]) -> list[Piece | Exception]:
        """Bytes of several files, asked for together."""

    def page(self, folder: str, after: str | None, deep: bool = False) -> Page:
        """A part of the listing of a folder. `deep`: of all that lies below it, if the storage can list that at once
        (then there are no folders in it; otherwise it is as ever). Raises FileNotFoundError."""

    def put(self, path: str, data: bytes) -> None:
        """Write a file."""

    def put_if(self, path: str, data: bytes, etag: str | None) -> str:
        """Write a file if it is the version `etag`, None: if it isn't there. Returns its new version. Raises
        ConditionFailedError, NoConditionsError."""

    def begin(self, path: str) -> str | None:
        """Begin an upload in parts; None: there is no such thing here."""

    def part(self, path: str, upload: str, number: int, data: bytes) -> Any:
        """Upload a part, numbered from 1."""

    def complete(self, path: str, upload: str, parts: Sequence[Any]) -> None:
        """End an upload in parts: the file appears."""

    def abort(self, path: str, upload: str) -> None:
        """Give up an upload in parts."""

    def uploads(self, folder: str) -> list[tuple[str, str, float]]:
        """Uploads in parts that were begun below a folder and not ended: path, upload, when."""

    def put_file(self, path: str, file: BinaryIO) -> None:
        """Write a file from another one."""

    def remove(self, path: str) -> None:
        """Remove a file."""


class PatientObjects:
    """Requests to a storage, tried again as `patience` says. `place` is whose answers count together, `shown` makes an
    address of a path."""

    def __init__(self, objects: Objects, protocol: str, patience: Patience) -> None:
        self.raw, self.protocol, self.patience = objects, protocol, patience

    def shown(self, path: str) -> str:
        """The address of a path."""
        return path if "://" in path else f"{self.protocol}://{path}"

    def read(self, path: str, start: int = 0, end: int | None = None) -> Piece:
        """Bytes of a file, all that there are: where a connection breaks the rest is asked for from there. Raises
        FileNotFoundError, NoRangesError, StorageError where the file changes meanwhile."""
        waiting = self.waiting(path, "read")
        first = waiting.call(partial(self._get, path, start, end))
        if first.size is None:
            return first
        start = max(0, start + first.size) if start < 0 else start
        end = first.size if end is None else min(end, first.size)
        pieces, got = [first.data], len(first.data)
        while start + got < end:
            more = waiting.call(partial(self._get, path, start + got, end))
            if (more.size, more.etag) != (first.size, first.etag):
                raise StorageError(f"{self.shown(path)} was changed while it was read; start again")
            pieces.append(more.data)
            got += len(more.data)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return Piece(data, first.size, first.etag, first.modified, first.now)

    def read_many(self, ranges: Sequence[PathRange]) -> list[bytes]:
        """Bytes of several files, asked for together; those that fail are asked for again."""
        if not ranges:
            return []
        found: list[bytes] = [b""] * len(ranges)
        left = list(range(len(ranges)))
        waiting = self.waiting(ranges[0][0], "read")
        while left:
            answers = self.raw.get_many([ranges[number] for number in left])
            failures: dict[int, Exception] = {}
            for number, answer in zip(left, answers, strict=True):
                if isinstance(answer, Exception):
                    failures[number] = answer
                elif _is_short(answer, ranges[number]):
                    failures[number] = ConnectionError("the answer broke off")
                else:
                    found[number] = answer.data
            if len(failures) < len(left):
                waiting.answered()
            left = list(failures)
            if left:
                waiting.doing = f"read {self.shown(ranges[left[0]][0])}"
                waiting.after(failures[left[0]])
        return found

    def listing(self, folder: str, deep: bool = False) -> Iterator[Page]:
        """The files and folders right below a folder, part by part, or as `Objects.page` says. Raises
        FileNotFoundError."""
        waiting = self.waiting(folder, "list")
        after: str | None = None
        while True:
            page = waiting.call(partial(self.raw.page, folder, after, deep))
            yield page
            if page.next is None:
                return
            after = page.next

    def write(self, path: str, file: BinaryIO, size: int) -> None:
        """Write a file of `size` bytes from `file`, which can seek."""
        waiting = self.waiting(path, "write")
        upload = waiting.call(lambda: self.raw.begin(path)) if size >= 4 * PART else None
        if upload is None:
            waiting.call(lambda: self._put(path, file, size))
            return
        part_bytes = max(PART, -(-size // 9000))  # 10,000 parts at most
        try:
            parts: list[Any] = []
            while data := _read_at(file, len(parts) * part_bytes, part_bytes):
                number = len(parts) + 1
                parts.append(waiting.call(partial(self.raw.part, path, upload, number, data)))
            waiting.call(lambda: self._complete(path, upload, parts, size))
        except BaseException:
            self.give_up_upload(path, upload)
            raise

    def write_bytes(self, path: str, data: bytes) -> None:
        """Write a small file."""
        self.waiting(path, "write").call(lambda: self.raw.put(path, data))

    def put_if(self, path: str, data: bytes, etag: str | None) -> str:
        """`Objects.put_if`. Where an answer was lost it may find what it has written itself."""
        return self.waiting(path, "write").call(lambda: self.raw.put_if(path, data, etag))

    def remove(self, path: str) -> None:
        """Remove a file; nothing happens when it isn't there."""
        try:
            self.waiting(path, "remove").call(lambda: self.raw.remove(path))
        except FileNotFoundError:
            return

    def give_up_upload(self, path: str, upload: str) -> None:
        """Abort an upload; where that fails a rule of the bucket has to."""
        try:
            self.raw.abort(path, upload)
        except Exception:
            return

    def waiting(self, path: str, verb: str) -> Waiting:
        """What waits for requests about a path."""
        where = self.shown(path).partition("://")[2].partition("/")[0]
        return Waiting(self.patience, f"{self.protocol}://{where}", f"{verb} {self.shown(path)}")

    def _get(self, path: str, start: int, end: int | None) -> Piece:
        piece = self.raw.get(path, start, end)
        if not piece.data and _is_short(piece, (path, start, end)):
            raise ConnectionError("the answer broke off")
        return piece

    def _put(self, path: str, file: BinaryIO, size: int) -> None:
        if size < 4 * PART:
            self.raw.put(path, _read_at(file, 0, size))
        else:
            file.seek(0)
            self.raw.put_file(path, file)

    def _complete(self, path: str, upload: str, parts: Sequence[Any], size: int) -> None:
        try:
            self.raw.complete(path, upload, parts)
        except FileNotFoundError:
            # no such upload: it was completed, and the answer lost
            if self.raw.get(path, -1).size != size:
                raise


class WholeFileObjects:
    """What `Objects` of a storage without conditional writes and uploads in parts have in common."""

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem

    def put_if(self, path: str, data: bytes, etag: str | None) -> str:
        raise NoConditionsError

    def begin(self, path: str) -> str | None:
        return None

    def part(self, path: str, upload: str, number: int, data: bytes) -> Any:
        raise NotImplementedError

    def complete(self, path: str, upload: str, parts: Sequence[Any]) -> None:
        raise NotImplementedError

    def abort(self, path: str, upload: str) -> None:
        raise NotImplementedError

    def uploads(self, folder: str) -> list[tuple[str, str, float]]:
        return []


class AnyObjects(WholeFileObjects):
    """Whatever fsspec opens, by its interface alone."""

    def get(self, path: str, start: int = 0, end: int | None = None) -> Piece:
        if start >= 0 and end is not None:
            return Piece(self._filesystem.cat_file(path, start=start, end=end))
        info = self._filesystem.info(path)
        size = int(info["size"])
        start = max(0, start + size) if start < 0 else min(start, size)
        end = size if end is None else min(end, size)
        data = self._filesystem.cat_file(path, start=start, end=end) if end > start else b""
        etag = info.get("etag") or info.get("mtime") or info.get("created")
        return Piece(data, size, str(etag), _seconds(info))

    def get_many(self, ranges: Sequence[PathRange]) -> list[Piece | Exception]:
        answers: list[Piece | Exception] = []
        for path, start, end in ranges:
            try:
                answers.append(self.get(path, start, end))
            except Exception as error:
                answers.append(error)
        return answers

    def page(self, folder: str, after: str | None, deep: bool = False) -> Page:
        entries = self._filesystem.ls(folder, detail=True)
        files = [
            Listed(_name(entry), entry["size"], _seconds(entry), entry) for entry in entries if entry["type"] == "file"
        ]
        return Page(files, [_name(entry) for entry in entries if entry["type"] == "directory"])

    def put(self, path: str, data: bytes) -> None:
        self._filesystem.pipe_file(path, data)

    def put_file(self, path: str, file: BinaryIO) -> None:
        with self._filesystem.open(path, "wb") as target:
            while data := file.read(PART):
                target.write(data)

    def remove(self, path: str) -> None:
        self._filesystem.rm_file(path)


def _is_short(piece: Piece, range: PathRange) -> bool:
    """Whether a connection broke before all that there is had come."""
    _, start, end = range
    if piece.size is None:
        return False
    start = max(0, start + piece.size) if start < 0 else start
    wanted = (piece.size if end is None else min(end, piece.size)) - start
    return len(piece.data) < wanted


def _read_at(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    return file.read(length)


def _name(entry: dict[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]


def _seconds(entry: dict[str, Any]) -> float | None:
    when = entry.get("mtime") or entry.get("updated") or entry.get("LastModified") or entry.get("created")
    if isinstance(when, int | float):
        return float(when)
    return float(when.timestamp()) if when is not None and hasattr(when, "timestamp") else None
