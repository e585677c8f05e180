"""A file of an artifact, as a task of a later phase reads it."""

import hashlib
import io
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dspipe.pipeline.storage.store import Store


@dataclass(frozen=True)
class ArtifactFile:
    """A file of an artifact made by an earlier phase."""

    store: Store
    sender: int
    name: str
    size: int
    sha256: str

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The file, seekable. Raises DamagedFileError where it isn't what was made."""
        with Path(self.path()).open("rb") as file:
            self._check(file)
            yield file

    def read(self) -> bytes:
        """The whole file. Raises DamagedFileError where it isn't what was made."""
        return self.store.read_unchanged(self.name, self.sha256)

    def check(self, data: bytes) -> bytes:
        """The file's bytes, read by whoever asks. Raises DamagedFileError where they aren't what was made."""
        self._check(io.BytesIO(data))
        return data

    def _check(self, file: io.BytesIO | io.BufferedReader) -> None:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        self.store.check_unchanged(self.name, digest, self.sha256)

    def path(self) -> str:
        """A local path of the file: itself, or a copy in the machine's temporary directory, made once. A copy there
        that another user put there, or that isn't what was made, is made anew under the same name or an error."""
        if self.store.local:
            return self.store.path(self.name)
        local = Path(tempfile.gettempdir()) / f"dspipe-{self.sha256}{Path(self.name).suffix}"
        if not self._is_copy(local):
            partial = local.with_name(f"{local.name}.{time.monotonic_ns()}")
            partial.write_bytes(self.read())
            partial.replace(local)
        return str(local)

    def _is_copy(self, path: Path) -> bool:
        """Whether a file is a copy that this user made, whole."""
        try:
            with path.open("rb") as file:
                mine = os.fstat(file.fileno()).st_uid == os.getuid()
                return mine and hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except OSError:
            return False
