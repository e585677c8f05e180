"""Copies of a remote run's artifacts in the shared temporary folder: whose they are, and what is in them."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.artifact_file import ArtifactFile


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArtifactFile]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = Store("memory://artifact-file/run")
    store.write_bytes("a/model.bin", b"model")
    yield ArtifactFile(store, 0, "a/model.bin", 5, hashlib.sha256(b"model").hexdigest())
    fsspec.filesystem("memory").rm("/artifact-file", recursive=True)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files to others")
def test_a_copy_of_another_user_is_made_anew(file: ArtifactFile) -> None:
    path = Path(file.path())
    os.chown(path, 65534, 65534)  # as it is, it could be changed behind the check of its checksum
    assert file.path() == str(path)
    assert (path.stat().st_uid, path.read_bytes()) == (os.getuid(), b"model")


def test_a_copy_that_was_changed_is_made_anew(file: ArtifactFile) -> None:
    path = Path(file.path())
    path.write_bytes(b"forged")
    assert Path(file.path()).read_bytes() == b"model"


def test_a_file_that_was_changed_in_the_run_is_not_copied(file: ArtifactFile, tmp_path: Path) -> None:
    file.store.write_bytes(file.name, b"forged")
    with pytest.raises(DamagedFileError, match="its checksum is another"):
        file.path()
    assert not list(tmp_path.iterdir())
