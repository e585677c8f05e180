"""What is made of files once: kept while they are as they were, made anew when one has changed, and bounded."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dspipe.kernels.fasttext import model
from dspipe.stages.shared import loaded
from dspipe.stages.shared.loaded import load_once, sha256_once
from tests.engine import run_inline


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files count as settled at once, and nothing is kept from elsewhere."""
    monkeypatch.setattr(loaded, "SETTLED_NS", -(10**12))
    loaded._kept.clear()
    yield
    loaded._kept.clear()


class Loader:
    """Reads a file and counts how often."""

    def __init__(self, path: Path) -> None:
        self.path, self.loads = path, 0

    def __call__(self) -> str:
        self.loads += 1
        return self.path.read_text()


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("one")
    load = Loader(path)
    assert [load_once("x", [path], load) for _ in range(3)] == ["one"] * 3
    assert load.loads == 1
    path.write_text("three")
    assert load_once("x", [path], load) == "three"
    # of equal size, and with the times that it had: another inode, or the time of the change tells
    before = path.stat()
    other = tmp_path / "other"
    other.write_text("seven")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert load_once("x", [path], load) == "seven"
    assert load.loads == 3


def test_a_file_that_was_just_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded, "SETTLED_NS", 10**15)
    path = tmp_path / "list"
    path.write_text("one")
    load = Loader(path)
    assert [load_once("x", [path], load) for _ in range(3)] == ["one"] * 3
    assert load.loads == 3


def test_kinds_and_settings_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("one")
    assert [load_once(kind, [path], str(kind).strip) for kind in "abab"] == list("abab")
    assert [load_once("x", [path], int(n).conjugate, n) for n in (1, 2, 1)] == [1, 2, 1]
    assert load_once("x", [path, path], lambda: "two") == "two"


def test_failures_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "list"
    load = Loader(path)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            load_once("x", [path], load)
    path.write_text("one")
    assert load_once("x", [path], load) == "one"


def test_what_was_used_least_recently_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded, "MAX_KEPT", 2)
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text(path.name)
    loads = [Loader(path) for path in paths]
    for place in (0, 1, 0, 2, 0, 1):
        assert load_once("x", [paths[place]], loads[place]) == paths[place].name
    assert [load.loads for load in loads] == [1, 2, 1]


def test_digests(tmp_path: Path) -> None:
    path = tmp_path / "list"
    for content in (b"", b"other"):
        path.write_bytes(content)
        assert sha256_once(path) == hashlib.sha256(content).hexdigest()


def test_a_model_is_read_once_for_many_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []

    def counting(path: Path) -> model.FastTextModel:
        loads.append(path)
        return read(path)

    read = model.read_model
    monkeypatch.setattr(model, "read_model", counting)
    for number in range(12):
        (tmp_path / f"{number:02d}.jsonl").write_text(json.dumps({"text": "this is a text in English"}) + "\n")
    source = {"name": "s", "format": "jsonl", "path": str(tmp_path / "*.jsonl")}
    result = run_inline({"output": str(tmp_path / "out"), "sources": [source], "stages": [{"language": {}}]})
    assert result.phases[0].tasks == 12
    assert len(loads) == 1
