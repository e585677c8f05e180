"""Where a run keeps its files: a local directory or any storage that fsspec opens, behind a few operations.

A file appears under its name whole or not at all: local files are written beside it and renamed; object stores make an
object visible when the upload is complete. Nobody reads a file that no manifest names, so a killed run leaves nothing
that could be taken for data.
"""

import errno
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from dspipe.pipeline.errors import DamagedFileError, MissingExtraError, StorageError

TEMPORARY = ".partial-"


def is_storage_failure(error: BaseException) -> bool:
    """Whether an exception is the storage's: the operating system's, or one that an object store's client raises."""
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in _CLIENTS


_CLIENTS = ("botocore", "aiobotocore", "aiohttp", "gcsfs", "google")


def storage_error(error: OSError, path: str, doing: str) -> StorageError:
    """One clear sentence for what the operating system or the object store said."""
    advice = {
        errno.ENOSPC: "the disk is full; free space and run the same command again, finished work is kept",
        errno.EDQUOT: "the disk quota is used up; free space and run again, finished work is kept",
        errno.EROFS: "the file system is read-only; choose another place with --set output=DIR",
        errno.EACCES: "permission denied; check the owner and mode, or choose another place",
        errno.EPERM: "operation not permitted; check the owner and mode, or choose another place",
        errno.ENOENT: "no such file",
        errno.ENOTDIR: "a part of the path is a file, not a directory",
        errno.EISDIR: "it is a directory",
    }.get(error.errno or 0)
    return StorageError(f"cannot {doing} {path}: {advice or error}")


def is_remote(path: str) -> bool:
    """Whether a path names something other than the local file system."""
    return "://" in path and not path.startswith("file://")


def open_filesystem(path: str) -> tuple[Any, str]:
    """The fsspec file system of a path, and the path as that file system calls it."""
    import fsspec

    protocol = path.split("://")[0] if "://" in path else "file"
    try:
        # listings must not be remembered: workers make files that the driver looks for
        options: dict[str, Any] = {} if protocol == "file" else {"use_listings_cache": False}
        if protocol == "s3" and not _has_s3_credentials():
            options["anon"] = True  # a bucket that is public, like commoncrawl, must not need credentials
        return cast("tuple[Any, str]", fsspec.core.url_to_fs(path, **options))
    except ImportError as error:
        extra = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "http": "http", "https": "http"}.get(protocol)
        if extra is None:
            raise StorageError(f"cannot open {path}: {error}") from None
        raise MissingExtraError(f"cannot open {path}: {protocol}:// needs `pip install 'dspipe[{extra}]'`") from None
    except ValueError as error:
        raise StorageError(f"cannot open {path}: {error}") from None


def _has_s3_credentials() -> bool:
    names = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    return any(name in os.environ for name in names) or (Path.home() / ".aws" / "credentials").exists()


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
    """The files of one run. All names are relative to the run's root and use forward slashes."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") or "/"
        self.local = not is_remote(root)
        if self.local:
            self.root = str(Path(root.removeprefix("file://")).absolute())
            self._filesystem, self._base = None, self.root
        else:
            self._filesystem, self._base = open_filesystem(self.root)

    def path(self, name: str) -> str:
        """The full path or address of a file of the run."""
        return f"{self.root}/{name}"

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
        if self._filesystem is None:
            return Path(self.path(name)).exists()
        return bool(self._filesystem.exists(f"{self._base}/{name}"))

    def names(self, folder: str) -> list[str]:
        """Names of the files right in a folder, sorted; none when the folder isn't there."""
        if self._filesystem is None:
            base = Path(self.path(folder))
            return sorted(entry.name for entry in os.scandir(base) if entry.is_file()) if base.is_dir() else []
        try:
            entries = self._filesystem.ls(f"{self._base}/{folder}", detail=True)
        except FileNotFoundError:
            return []
        return sorted(entry["name"].rsplit("/", 1)[-1] for entry in entries if entry["type"] == "file")

    def sizes(self, folder: str) -> dict[str, int]:
        """The files right in a folder with their sizes in bytes; none when the folder isn't there."""
        if self._filesystem is None:
            base = Path(self.path(folder))
            if not base.is_dir():
                return {}
            return {entry.name: entry.stat().st_size for entry in os.scandir(base) if entry.is_file()}
        try:
            entries = self._filesystem.ls(f"{self._base}/{folder}", detail=True)
        except FileNotFoundError:
            return {}
        return {entry["name"].rsplit("/", 1)[-1]: entry["size"] for entry in entries if entry["type"] == "file"}

    def folders(self) -> list[str]:
        """Names of the folders right below the root, sorted."""
        if self._filesystem is None:
            return sorted(e.name for e in os.scandir(self.root) if e.is_dir()) if Path(self.root).is_dir() else []
        try:
            entries = self._filesystem.ls(self._base, detail=True)
        except FileNotFoundError:
            return []
        return sorted(e["name"].rstrip("/").rsplit("/", 1)[-1] for e in entries if e["type"] == "directory")

    def size(self, name: str) -> int:
        """Bytes of a file."""
        if self._filesystem is None:
            return Path(self.path(name)).stat().st_size
        return int(self._filesystem.size(f"{self._base}/{name}"))

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """Write a file that appears under its name when the block ends without an exception."""
        if self._filesystem is None:
            target = Path(self.path(name))
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
        else:
            file = self._filesystem.open(f"{self._base}/{name}", "wb")
            try:
                yield file
            except BaseException:
                file.discard() if hasattr(file, "discard") else None
                with suppress(AttributeError):
                    file.closed = True  # when it is collected it would try to upload the rest
                raise
            file.close()

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """Read a file; the stream can seek."""
        if self._filesystem is None:
            with Path(self.path(name)).open("rb") as file:
                yield file
        else:
            with self._filesystem.open(f"{self._base}/{name}", "rb") as file:
                yield file

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Some bytes of a file: one ranged request on an object store."""
        if length == 0:
            return b""  # as an HTTP range it would ask for the whole object
        if self._filesystem is None:
            with Path(self.path(name)).open("rb") as file:
                file.seek(start)
                piece = file.read(length)  # one pread gives 2 GiB at most
        else:
            piece = self._filesystem.cat_file(f"{self._base}/{name}", start=start, end=start + length)
        return _whole(piece, self.path(name), start, length)

    def read_ranges(self, ranges: Sequence[tuple[str, int, int]]) -> list[bytes]:
        """Ranges (name, start, length) of some files; on an object store they are asked for together."""
        if self._filesystem is None:
            return [self.read_range(*range) for range in ranges]
        wanted = [(f"{self._base}/{name}", start, start + length) for name, start, length in ranges if length]
        found = iter(self._filesystem.cat_ranges(*map(list, zip(*wanted, strict=True))) if wanted else ())
        pieces = [next(found) if length else b"" for _, _, length in ranges]
        for piece, (name, start, length) in zip(pieces, ranges, strict=True):
            if isinstance(piece, BaseException):
                raise piece
            _whole(piece, self.path(name), start, length)
        return pieces

    def read_bytes(self, name: str) -> bytes:
        """A whole file."""
        if self._filesystem is None:
            return Path(self.path(name)).read_bytes()
        return cast(bytes, self._filesystem.cat_file(f"{self._base}/{name}"))

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a whole file."""
        with self.writing(name) as file:
            file.write(data)

    def read_json(self, name: str) -> Any:
        """A JSON file's value. Raises DamagedFileError when it isn't JSON."""
        return _json_value(self.read_bytes(name), self.path(name))

    def read_json_many(self, names: Sequence[str]) -> list[Any]:
        """The values of many JSON files; on an object store they are asked for together. Raises DamagedFileError."""
        if self._filesystem is None or not names:
            return [_json_value(Path(self.path(name)).read_bytes(), self.path(name)) for name in names]
        paths = [f"{self._base}/{name}" for name in names]
        found = self._filesystem.cat(list(dict.fromkeys(paths)))
        # fsspec answers for a single path with its bytes alone
        return [
            _json_value(found[path] if isinstance(found, dict) else found, self.path(name))
            for path, name in zip(paths, names, strict=True)
        ]

    def write_json(self, name: str, value: Any) -> None:
        """Write a value as readable JSON."""
        self.write_bytes(name, json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n")

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens when it isn't there."""
        if self._filesystem is None:
            Path(self.path(name)).unlink(missing_ok=True)
        else:
            try:
                self._filesystem.rm_file(f"{self._base}/{name}")
            except FileNotFoundError:
                return

    def remove_folder_if_empty(self, name: str) -> None:
        """Remove an empty folder (object stores have none)."""
        if self._filesystem is None:
            folder = Path(self.path(name))
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
