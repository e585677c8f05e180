"""JSON lines that a config names: every kind of file, and one sentence for what is no such file."""

import gzip
from pathlib import Path

import pytest
import zstandard

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.shared.json_lines import json_objects

LINES = b'{"a": 1}\n\n  \n{"b": "\xc3\xbc"}'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.jsonl", LINES),
        ("x.jsonl.gz", gzip.compress(LINES[:9]) + gzip.compress(LINES[9:])),  # of two members
        ("x.jsonl.zst", zstandard.compress(LINES)),
    ],
)
def test_objects_with_their_lines(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert list(json_objects(tmp_path / name)) == [(1, {"a": 1}), (4, {"b": "ü"})]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", b'{"a": 1}\n{"a": ', "line 2: not JSON: "),
        ("x.jsonl", b"[1]", "line 1: not a JSON object"),
        ("x.jsonl", b'{"a": "\xff"}', "line 1: not JSON: "),
        ("x.jsonl.gz", gzip.compress(LINES)[:-9], "cannot be read: "),
        ("x.jsonl.gz", b"no gzip at all", "cannot be read: "),
        ("x.jsonl.zst", zstandard.compress(LINES)[:-3], "cannot be read: "),
        ("x.jsonl.zst", b"no zstd at all", "cannot be read: "),
        ("x.jsonl", None, "cannot be read: .*No such file"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        list(json_objects(tmp_path / name, ("importance", "target")))
    assert str(caught.value).startswith(str(tmp_path / name))
    assert caught.value.key == ("importance", "target")
