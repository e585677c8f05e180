"""Windows of texts, against the tokens of the whole text."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.label.windows import Place, WindowCutter
from tests.stages.label.tiny_models import COMMON, TOPICS, write_tokenizer

WORDS = [word for topic in TOPICS.values() for word in topic] + COMMON
PLACES: tuple[Place, ...] = ("start", "middle", "end")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(path)
    return path / "tokenizer.json"


def windows(folder: Path, text: str, places: tuple[Place, ...] = PLACES, tokens: int = 16) -> list[list[int]]:
    return list(WindowCutter(folder, places, tokens).windows(np.frombuffer(text.encode(), np.uint8)))


def ids_of(folder: Path, text: str) -> list[int]:
    """The ids of the whole text, without special tokens."""
    from tokenizers import Tokenizer

    ids: list[int] = Tokenizer.from_file(str(folder)).encode(text, add_special_tokens=False).ids
    return ids


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=400))
def test_start_and_end_are_the_first_and_last_tokens(folder: Path, words: list[str]) -> None:
    text = " ".join(words)
    ids = ids_of(folder, text)
    found = windows(folder, text)
    if len(ids) <= 14:
        assert found == [[2, *ids, 3]]
        return
    start, middle, end = found
    assert start == [2, *ids[:14], 3]
    assert end == [2, *ids[-14:], 3]
    joined, inside = " ".join(map(str, ids)), " ".join(map(str, middle[1:-1]))
    assert inside in joined, "whole words that stand in the text one after the other"


def test_the_middle_is_in_the_middle(folder: Path) -> None:
    text = " ".join(["the"] * 300 + ["atom"] * 300 + ["and"] * 300)
    (found,) = windows(folder, text, ("middle",))
    assert set(found[1:-1]) == set(ids_of(folder, "atom"))


def test_a_text_without_tokens_has_no_window(folder: Path) -> None:
    assert windows(folder, "") == windows(folder, " \n\t ") == []


def test_characters_are_not_cut(folder: Path) -> None:
    assert all(len(found) == 16 for found in windows(folder, "这 是 " * 4000))
    assert windows(folder, "𝔘" * 10_000, ("middle",)) == [[2, 1, 3]]
