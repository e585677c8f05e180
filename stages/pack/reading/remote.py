"""Shards on a remote storage (s3://, gs://, ...): each file is copied to a local folder when it is first read."""

import os
import shutil
import tempfile
from pathlib import Path

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.storage.written_file import WrittenFile

_PIECE = 1 << 20


class ForeignFolderError(PermissionError):
    """The folder for copies, or a copy in it, is another user's, who could put other tokens there."""


class RemoteFiles:
    """The files of a run directory on a storage that fsspec opens.

    folder    where copies are kept; default: `dspipe-shards-USER` in the machine's temporary directory, which only this
              user can write to. They are named by their sha256, so data sets can share it, and what a trainer has read
              is there when it is started again.
    """

    def __init__(self, root: str, folder: Path | str | None = None) -> None:
        from dspipe.pipeline.storage.store import Store

        self._store = Store(root)
        self._folder = Path(folder) if folder else None

    def read(self, name: str) -> bytes:
        """A whole file. Raises FileNotFoundError."""
        return self._store.read_bytes(name)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Some bytes of a file, which aren't checked. Raises FileNotFoundError, DamagedFileError."""
        return self._store.read_range(name, start, length)

    def copy(self, name: str, sha256: str) -> Path:
        """A local copy of a file with this checksum. Raises FileNotFoundError, ForeignFolderError, and
        DamagedFileError where the file has another checksum."""
        folder = self._folder or _private_folder()
        path = folder / f"{sha256}{Path(name).suffix}"
        # a copy of this user's was checked when it was made: reading it again would cost a trainer a second per GB
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{os.getpid()}-{path.name}")  # a loader's workers may copy the same file
            try:
                self._copy_checked(name, sha256, partial)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        elif path.stat().st_uid != os.getuid():
            raise ForeignFolderError(f"{path} belongs to another user: give another folder for copies")
        return path

    def _copy_checked(self, name: str, sha256: str, target: Path) -> None:
        with self._store.reading(name) as source, target.open("wb") as file:
            copied = WrittenFile(file)
            shutil.copyfileobj(source, copied, _PIECE)
        if copied.written.sha256 != sha256:
            raise DamagedFileError(self._store.path(name), "isn't the file that index.json names: its checksum differs")


def _private_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"dspipe-shards-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise ForeignFolderError(f"{folder} belongs to another user: give another folder for copies")
    return folder
