from pathlib import Path

import pytest

from dspipe.stages.pack.reading.remote import RemoteFiles

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def storage() -> object:
    memory = fsspec.filesystem("memory")
    memory.pipe("/remote/run/a.bin", b"tokens")
    yield memory
    memory.rm("/remote", recursive=True)


def test_a_file_is_copied_once(storage: object, tmp_path: Path) -> None:
    files = RemoteFiles("memory://remote/run", tmp_path / "copies")
    assert files.read("a.bin") == b"tokens"
    copy = files.copy("a.bin", "hash")
    assert copy == tmp_path / "copies" / "hash.bin" and copy.read_bytes() == b"tokens"
    fsspec.filesystem("memory").pipe("/remote/run/a.bin", b"others")
    assert files.copy("a.bin", "hash").read_bytes() == b"tokens"  # found by its hash, which names its content
    assert files.copy("a.bin", "other hash").read_bytes() == b"others"
    assert sorted(path.name for path in (tmp_path / "copies").iterdir()) == ["hash.bin", "other hash.bin"]


def test_files_that_are_missing(storage: object, tmp_path: Path) -> None:
    files = RemoteFiles("memory://remote/run", tmp_path)
    with pytest.raises(FileNotFoundError):
        files.read("b.bin")
    with pytest.raises(FileNotFoundError):
        files.copy("b.bin", "hash")
    assert not list(tmp_path.glob("*.bin"))
