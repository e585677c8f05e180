"""Patterns against those of the standard library, and what names say."""

import glob
from pathlib import Path

import pytest

from dspipe.pipeline.plan.patterns import likeness, matches, may_lead

PATHS = ["a.x", "b.y", "d/a.x", "d/e/a.x", "d/e/f/b.x", "e/a.x", "e/e/e/a.y"]


@pytest.mark.parametrize(
    "pattern", ["*", "*.x", "**", "**/*.x", "d/**", "*/*.x", "d/**/a.x", "**/e/*", "**/e/**/*.y", "[de]/*", "?/?/*"]
)
def test_patterns_match_as_in_the_standard_library(tmp_path: Path, pattern: str) -> None:
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    wanted = {path for path in glob.glob(pattern, root_dir=tmp_path, recursive=True) if (tmp_path / path).is_file()}  # noqa: PTH207
    parts = pattern.split("/")
    assert {path for path in PATHS if matches(path.split("/"), parts)} == wanted
    for path in wanted:
        folders = path.split("/")[:-1]
        assert all(may_lead(folders[:end], parts) for end in range(len(folders) + 1))


def test_folders_where_nothing_can_match_are_not_entered() -> None:
    assert not may_lead(["c"], ["[ab]", "*.x"])
    assert not may_lead(["a", "b"], ["*", "*.x"])
    assert may_lead(["a"], ["*", "*.x"])


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.jsonl", "format"),
        ("d/A.JSONL.GZ", "format"),
        ("a.jsonl.0001", "format"),
        ("a.jsonl.0001.zst", "format"),
        ("part-00000", "unknown"),
        ("part-00000.gz", "unknown"),
        ("v1.5", "unknown"),
        ("README", "other"),
        ("SHA256SUMS", "other"),
        ("a.txt", "other"),
        ("a.jsonl.tmp", "other"),
        ("a.jsonl.md5", "other"),
    ],
)
def test_what_a_name_says_of_a_format(name: str, wanted: str) -> None:
    assert likeness(name, (".jsonl", ".json")) == wanted
    assert likeness(name, ()) == "format"
