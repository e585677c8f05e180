"""The examples of a target: their files, digests and n-grams."""

import json
from pathlib import Path

import numpy as np
import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.remix.target import count_target
from dspipe.stages.remix.target_files import find_files, hash_files


def write(path: Path, *texts: str) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


def test_files_by_name_and_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write(tmp_path / "a.jsonl", "one"), write(tmp_path / "b.jsonl", "two")
    odd = write(tmp_path / "[x].jsonl", "three")  # a name that looks like a pattern
    assert find_files([str(tmp_path / "?.jsonl")]) == [first, second]
    assert find_files([str(second), str(first)]) == [second, first]
    assert find_files([str(odd)]) == [odd]
    monkeypatch.chdir(tmp_path)
    assert find_files(["a.jsonl"]) == [first]
    with pytest.raises(FileNotFoundError, match=r"no file nothing\*"):
        find_files([str(first), "nothing*"])
    with pytest.raises(ConfigError, match=r"a\*\*\*\.jsonl is no pattern of paths"):
        find_files(["a***.jsonl"])


def test_the_digest_is_of_contents(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a.jsonl", "one"), write(tmp_path / "b.jsonl", "two")
    same = write(tmp_path / "c.jsonl", "one")
    assert hash_files([one]) == hash_files([same]) != hash_files([two])
    assert hash_files([one, two]) != hash_files([two, one])


def test_n_grams_are_those_of_all_examples(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a.jsonl", "the moon", ""), write(tmp_path / "b.jsonl", "the sea")
    found = count_target([one, two], 1 << 16)
    assert (found == count_target([one], 1 << 16) + count_target([two], 1 << 16)).all()
    assert found.sum() == 2 * 3  # two words and one pair of them each
    assert np.count_nonzero(found == 2) == 1  # "the"
