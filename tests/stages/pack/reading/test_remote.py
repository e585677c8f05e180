"""Copies of remote shards: made once, checked, and never another user's."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import DamagedFileError
from dspipe.stages.pack.reading.remote import ForeignFolderError, RemoteFiles

fsspec = pytest.importorskip("fsspec")
TOKENS = hashlib.sha256(b"tokens").hexdigest()


@pytest.fixture
def storage() -> Iterator[Any]:
    memory = fsspec.filesystem("memory")
    memory.pipe("/remote/run/a.bin", b"tokens")
    yield memory
    memory.rm("/remote", recursive=True)


def test_a_file_is_copied_once(storage: Any, tmp_path: Path) -> None:
    files = RemoteFiles("memory://remote/run", tmp_path / "copies")
    assert files.read("a.bin") == b"tokens"
    copy = files.copy("a.bin", TOKENS)
    assert copy == tmp_path / "copies" / f"{TOKENS}.bin" and copy.read_bytes() == b"tokens"
    storage.pipe("/remote/run/a.bin", b"others")
    assert files.copy("a.bin", TOKENS).read_bytes() == b"tokens"  # found by its hash, which names its content
    others = hashlib.sha256(b"others").hexdigest()
    assert files.copy("a.bin", others).read_bytes() == b"others"
    assert sorted(path.name for path in (tmp_path / "copies").iterdir()) == sorted([f"{TOKENS}.bin", f"{others}.bin"])


def test_a_file_that_was_changed_is_not_taken(storage: Any, tmp_path: Path) -> None:
    storage.pipe("/remote/run/a.bin", b"tokenz")
    with pytest.raises(DamagedFileError, match=r"a\.bin isn't the file that index\.json names"):
        RemoteFiles("memory://remote/run", tmp_path).copy("a.bin", TOKENS)
    assert not list(tmp_path.iterdir())


def test_files_that_are_missing(storage: Any, tmp_path: Path) -> None:
    files = RemoteFiles("memory://remote/run", tmp_path)
    with pytest.raises(FileNotFoundError):
        files.read("b.bin")
    with pytest.raises(FileNotFoundError):
        files.copy("b.bin", TOKENS)
    assert not list(tmp_path.glob("*.bin"))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files to others")
def test_what_another_user_put_there_is_not_taken(
    storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    files = RemoteFiles("memory://remote/run")
    copy = files.copy("a.bin", TOKENS)
    assert copy.parent.name == f"dspipe-shards-{os.getuid()}" and copy.parent.stat().st_mode & 0o777 == 0o700
    copy.write_bytes(b"forged")
    os.chown(copy, 65534, 65534)
    with pytest.raises(ForeignFolderError, match="belongs to another user"):
        files.copy("a.bin", TOKENS)
    os.chown(copy.parent, 65534, 65534)
    with pytest.raises(ForeignFolderError, match="belongs to another user"):
        files.copy("a.bin", TOKENS)
