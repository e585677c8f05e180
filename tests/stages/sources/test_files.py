"""Files of text and code: encodings, what is no text, domains, and shards that stay."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.source import InputFile
from dspipe.stages.sources import files
from dspipe.testing import LocalReading
from tests.stages.sources.read_shard import read_all

CHINESE = "数据管道从网页档案中提取正文，去除重复内容，然后训练分词器。" * 5


def source(**settings: Any) -> files.FilesSource:
    return files.FilesSource(files.Config(name="s", format="files", path="", **settings))


def read_file(path: Path, data: bytes, **settings: Any) -> tuple[list[dict[str, Any]], LocalReading]:
    path.write_bytes(data)
    return read_all(source(**settings), [path])


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain ASCII", "ascii"),
        ("Grüße aus München", "utf-8"),
        ("Grüße aus München", "utf-8-sig"),
        ("Grüße aus München, schöne Tage. " * 5, "latin-1"),
        ("Grüße", "utf-16"),
        (CHINESE, "gb18030"),
        (CHINESE, "utf-16"),
        ("これは日本語の文章です。文字コードを調べます。" * 5, "shift-jis"),
    ],
)
def test_encodings(tmp_path: Path, text: str, encoding: str) -> None:
    (row,), reading = read_file(tmp_path / "x.txt", text.encode(encoding))
    assert row["text"] == text
    assert row["id"] == "s/x.txt"
    assert not reading.counts


def test_a_few_bad_bytes_leave_utf8(tmp_path: Path) -> None:
    (row,), _ = read_file(tmp_path / "x", CHINESE.encode() + b"\xff" + CHINESE.encode()[:-1])
    assert row["text"] == CHINESE + "\ufffd" + CHINESE[:-1] + "\ufffd"


def test_compressed_files(tmp_path: Path) -> None:
    (row,), _ = read_file(tmp_path / "x.gz", gzip.compress(CHINESE.encode()))
    assert row["text"] == CHINESE
    rows, reading = read_file(tmp_path / "x.gz", gzip.compress(CHINESE.encode())[:-9])
    assert not rows
    assert len(reading.quarantine) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"\x7fELF\0\0\0", "binary file"),
        (b"%PDF-1.4 ...", "binary file"),
        (bytes(range(1, 40)) * 9, "binary file"),
    ],
)
def test_what_is_no_text_is_counted(tmp_path: Path, data: bytes, reason: str) -> None:
    rows, reading = read_file(tmp_path / "x", data)
    assert not rows
    assert reading.counts == {reason: 1}
    assert not reading.quarantine


def test_large_files_are_quarantined(tmp_path: Path) -> None:
    rows, reading = read_file(tmp_path / "x", b"x" * 1001, max_document_bytes=1000)
    assert not rows
    assert "max_document_bytes" in reading.quarantine[0]["error"]


def test_domains_by_name(tmp_path: Path) -> None:
    domains = {"LICENSE*": "licences", "*/code/*.txt": "code", "*.py": "code"}
    read = source(domains=domains)
    names = ["a/LICENSE.py", "a/code/x.txt", "a/b.py", "b.rst"]
    path = tmp_path / "x"
    path.write_bytes(b"text")
    inputs = [InputFile(str(path), name, 4, "") for name in names]
    (batch,) = read.read(inputs, LocalReading())
    assert batch["domain"].to_pylist() == ["licences", "code", "code", None]
    assert batch["id"].to_pylist() == [f"s/{name}" for name in names]


def inputs(count: int, size: int = 100) -> list[InputFile]:
    return [InputFile(f"/r/d{i % 7}/f{i}.txt", f"d{i % 7}/f{i}.txt", size, "") for i in range(count)]


def test_shards_hold_every_file_once() -> None:
    shards = source(shard_files=64).group(inputs(5000))
    assert sorted(f.name for shard in shards for f in shard) == sorted(f.name for f in inputs(5000))
    assert max(map(len, shards)) <= 256
    assert 40 <= len(shards) <= 160
    assert source().group([]) == []
    assert source(shard_files=64).group(inputs(5000)[::-1]) == shards


def test_a_new_file_changes_one_shard() -> None:
    group = source(shard_files=64).group
    before = group(inputs(5000))
    for name in ("a", "d3/f1x", "d3/f77777", "z", "d6/f9999"):
        after = group([*inputs(5000), InputFile("/r/" + name, name, 100, "")])
        # a name that ends a shard cuts one in two; a full shard pushes its last file into the next
        assert len(set(after) - set(before)) <= 2
        assert len(set(before) - set(after)) <= 2


def test_shards_end_at_their_size() -> None:
    shards = source(shard_bytes=10_000).group(inputs(500, 1000))
    assert max(map(len, shards)) == 10
