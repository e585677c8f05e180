"""Where a run keeps its files: a local directory or any storage that fsspec opens, behind a few operations.

A file appears under its name whole or not at all: local files are written beside it and renamed; object stores make an
object visible when the upload is complete. Nobody reads a file that no manifest names, so a killed run leaves nothing
that could be taken for data.
"""

import errno
import hashlib
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.storage.failures import storage_error
from dspipe.pipeline.storage.filesystem import is_remote, open_objects
from dspipe.pipeline.storage.objects import Listed
from dspipe.pipeline.storage.remote_file import RemoteFile
from dspipe.pipeline.storage.written_file import Written, WrittenFile

TEMPORARY = ".partial-"
_IN_MEMORY = 4 << 20
"""a remote file that is larger is kept on disk until it is uploaded"""


class FileState(NamedTuple):
    """Bytes of a file, and when it was written, in seconds since 1970 by the storage's clock (None: it doesn't say)."""

    size: int
    modified: float | None


def _json_value(data: bytes, path: str) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise DamagedFileError(path, f"is cut or was changed: its {len(data):,} bytes are no JSON") from None


def _whole(piece: bytes, path: str, start: int, length: int) -> bytes:
    if len(piece) != length:
        raise DamagedFileError(path, f"is cut: {length:,} bytes from {start:,} on are {len(piece):,}")
    return piece


class Store:
    """The files of one run. All names are relative to the run's root and use forward slashes.

    Requests to a remote storage are waited for with the patience that is current when the store is made
    (`pipeline.storage.patience`).
    """

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") or "/"
        self.local = not is_remote(root)
        self.written: dict[str, Written] = {}
        """bytes and sha256 of the files that were written through this object"""
        self._kept: dict[str, BinaryIO] = {}
        if self.local:
            self.root = str(Path(root.removeprefix("file://")).absolute())
            self.objects, self._base = None, self.root
        else:
            self.objects, self._base = open_objects(self.root)

    def path(self, name: str) -> str:
        """The full path or address of a file of the run."""
        return f"{self.root}/{name}"

    def remote_path(self, name: str) -> str:
        """A file's path as the client of the remote storage calls it."""
        return f"{self._base}/{name}" if name else self._base

    def prepare(self) -> None:
        """Make the root and see that it can be written."""
        if self.local:
            try:
                Path(self.root).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise storage_error(error, self.root, "write to") from None
        try:
            self.write_bytes("_writable", b"")
            self.remove("_writable")
        except OSError as error:
            raise storage_error(error, self.root, "write to") from None

    def exists(self, name: str) -> bool:
        """Whether a file is there."""
        if self.objects is None:
            return Path(self.path(name)).exists()
        try:
            self.objects.read(self.remote_path(name), 0, 1)
        except FileNotFoundError:
            return False
        return True

    def names(self, folder: str) -> list[str]:
        """Names of the files right in a folder, sorted; none when the folder isn't there."""
        if self.objects is None:
            base = Path(self.path(folder))
            return sorted(entry.name for entry in os.scandir(base) if entry.is_file()) if base.is_dir() else []
        return sorted(file.name for file in self._listed(folder)[0])

    def sizes(self, folder: str) -> dict[str, int]:
        """The files right in a folder with their sizes in bytes; none when the folder isn't there."""
        return {name: state.size for name, state in self.states(folder).items()}

    def states(self, folder: str) -> dict[str, FileState]:
        """The files right in a folder, and what a listing says of them; none when the folder isn't there."""
        if self.objects is None:
            base = Path(self.path(folder))
            if not base.is_dir():
                return {}
            found = {}
            for entry in os.scandir(base):
                with suppress(FileNotFoundError):  # one that is being written has another name meanwhile
                    if entry.is_file():
                        state = entry.stat()
                        found[entry.name] = FileState(state.st_size, state.st_mtime)
            return found
        return {file.name: FileState(file.size, file.modified) for file in self._listed(folder)[0]}

    def folders(self) -> list[str]:
        """Names of the folders right below the root, sorted."""
        if self.objects is None:
            return sorted(e.name for e in os.scandir(self.root) if e.is_dir()) if Path(self.root).is_dir() else []
        return sorted(self._listed("")[1])

    def size(self, name: str) -> int:
        """Bytes of a file."""
        if self.objects is None:
            return Path(self.path(name)).stat().st_size
        return RemoteFile(self.objects, self.remote_path(name)).size

    @contextmanager
    def writing(self, name: str, keep: bool = False) -> Iterator[BinaryIO]:
        """Write a file that appears under its name when the block ends without an exception. It is written from its
        beginning to its end. `keep`: it is to be read once through this object, so a remote one isn't fetched for that.
        """
        if self.objects is None:
            with self._writing_locally(Path(self.path(name))) as target:
                file = WrittenFile(target)
                yield cast(BinaryIO, file)
        else:
            # the whole file is here before a byte of it is sent, so any part can be sent again
            spool = cast(BinaryIO, tempfile.SpooledTemporaryFile(_IN_MEMORY, prefix="dspipe-"))  # noqa: SIM115
            try:
                file = WrittenFile(spool)
                with _naming_temporary_folder():
                    yield cast(BinaryIO, file)
                self.objects.write(self.remote_path(name), spool, file.written.size)
                if keep:
                    self._kept[name] = spool
            finally:
                if name not in self._kept:
                    spool.close()
        self.written[name] = file.written

    @contextmanager
    def _writing_locally(self, target: Path) -> Iterator[BinaryIO]:
        target.parent.mkdir(parents=True, exist_ok=True)
        # one writer's partial file never meets another's: two attempts at a task may overlap
        # (and processes of two machines that share a file system may have the same number)
        partial = target.with_name(f"{TEMPORARY}{secrets.token_hex(8)}-{target.name}")
        try:
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """Read a file; the stream can seek. Of a remote file exactly what is asked for is fetched."""
        if self.objects is None:
            with Path(self.path(name)).open("rb") as file:
                yield file
        elif name in self._kept:
            with self._kept.pop(name) as kept:
                kept.seek(0)
                yield kept
        else:
            with RemoteFile(self.objects, self.remote_path(name)) as remote:
                remote.look_up()
                yield cast(BinaryIO, remote)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Some bytes of a file: one ranged request on an object store."""
        if length == 0:
            return b""  # as an HTTP range it would ask for the whole object
        if self.objects is None:
            with Path(self.path(name)).open("rb") as file:
                file.seek(start)
                piece = file.read(length)  # one pread gives 2 GiB at most
        else:
            piece = self.objects.read(self.remote_path(name), start, start + length).data
        return _whole(piece, self.path(name), start, length)

    def read_ranges(self, ranges: Sequence[tuple[str, int, int]]) -> list[bytes]:
        """Ranges (name, start, length) of some files; on an object store they are asked for together."""
        if self.objects is None:
            return [self.read_range(*range) for range in ranges]
        wanted = [(self.remote_path(name), start, start + length) for name, start, length in ranges if length]
        found = iter(self.objects.read_many(wanted))
        pieces = [next(found) if length else b"" for _, _, length in ranges]
        for piece, (name, start, length) in zip(pieces, ranges, strict=True):
            _whole(piece, self.path(name), start, length)
        return pieces

    def read_bytes(self, name: str) -> bytes:
        """A whole file."""
        if self.objects is None:
            return Path(self.path(name)).read_bytes()
        return self.objects.read(self.remote_path(name)).data

    def read_unchanged(self, name: str, sha256: str) -> bytes:
        """A whole file. Raises DamagedFileError where it isn't what was written."""
        data = self.read_bytes(name)
        self.check_unchanged(name, hashlib.sha256(data).hexdigest(), sha256)
        return data

    def check_unchanged(self, name: str, found: str, sha256: str) -> None:
        """Hold the checksum of a file against the one that it was written with. Raises DamagedFileError."""
        if found != sha256:
            raise DamagedFileError(self.path(name), "was changed after it was written: its checksum is another")

    def read_aged(self, name: str) -> tuple[bytes, float | None]:
        """A whole file, and for how many seconds it has been there by the storage's clock (None: it doesn't say)."""
        if self.objects is None:
            data, modified = self.read_bytes(name), Path(self.path(name)).stat().st_mtime
            return data, max(0.0, time.time() - modified)
        piece = self.objects.read(self.remote_path(name))
        if piece.modified is None:
            return piece.data, None
        now = piece.now if piece.now is not None else time.time()
        return piece.data, max(0.0, now - piece.modified)

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a whole file."""
        with self.writing(name) as file:
            file.write(data)

    def read_json(self, name: str) -> Any:
        """A JSON file's value. Raises DamagedFileError when it isn't JSON."""
        return _json_value(self.read_bytes(name), self.path(name))

    def read_json_many(self, names: Sequence[str]) -> list[Any]:
        """The values of many JSON files; on an object store they are asked for together. Raises DamagedFileError."""
        unique = list(dict.fromkeys(names))
        if self.objects is None:
            found = [Path(self.path(name)).read_bytes() for name in unique]
        else:
            found = self.objects.read_many([(self.remote_path(name), 0, None) for name in unique])
        values = {name: _json_value(data, self.path(name)) for name, data in zip(unique, found, strict=True)}
        return [values[name] for name in names]

    def write_json(self, name: str, value: Any) -> None:
        """Write a value as readable JSON."""
        # half a surrogate pair, as a name of a field may be, becomes JSON's own escape
        text = json.dumps(value, indent=1, ensure_ascii=False)
        self.write_bytes(name, text.encode("utf-8", "backslashreplace") + b"\n")

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens when it isn't there."""
        if self.objects is None:
            Path(self.path(name)).unlink(missing_ok=True)
        else:
            self.objects.remove(self.remote_path(name))

    def remove_folder_if_empty(self, name: str) -> None:
        """Remove an empty folder (object stores have none)."""
        if self.objects is None:
            folder = Path(self.path(name))
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _listed(self, folder: str) -> tuple[list[Listed], list[str]]:
        """The files and folders right in a folder of a remote storage."""
        assert self.objects is not None
        files: list[Listed] = []
        folders: list[str] = []
        try:
            for page in self.objects.listing(self.remote_path(folder)):
                files += page.files
                folders += page.folders
        except FileNotFoundError:
            return [], []
        return files, folders


@contextmanager
def _naming_temporary_folder() -> Iterator[None]:
    """A full disk is the temporary directory's, not the remote storage's."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise storage_error(error, tempfile.gettempdir(), "write to") from error
