"""Shards on a remote storage (s3://, gs://, ...): each file is copied to a local folder when it is first read."""

import os
import shutil
import tempfile
from pathlib import Path


class RemoteFiles:
    """The files of a run directory on a storage that fsspec opens.

    folder    where copies are kept; default: `dspipe-shards` in the machine's temporary directory. They are named by
              their sha256, so data sets can share it, and what a trainer has read is there when it is started again.
    """

    def __init__(self, root: str, folder: Path | str | None = None) -> None:
        from dspipe.pipeline.storage.store import Store

        self._store = Store(root)
        self._folder = Path(folder) if folder else Path(tempfile.gettempdir()) / "dspipe-shards"

    def read(self, name: str) -> bytes:
        """A whole file. Raises FileNotFoundError."""
        return self._store.read_bytes(name)

    def copy(self, name: str, sha256: str) -> Path:
        """A local copy of a file with this checksum. Raises FileNotFoundError."""
        path = self._folder / f"{sha256}{Path(name).suffix}"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{os.getpid()}-{path.name}")  # a loader's workers may copy the same file
            with self._store.reading(name) as source, partial.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            partial.replace(path)
        return path
