"""Normalizing stretches gives what the library gives for whole texts."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers

from dspipe.tokenizer import normalization
from dspipe.tokenizer.normalization import normalize_nfc
from tests.kernels.bpe.pieces import HARD, joined
from tests.shared import shared

NFC = normalizers.NFC()
CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def split(data: np.ndarray, offsets: np.ndarray) -> list[str]:
    return [data[start:end].tobytes().decode() for start, end in pairwise(offsets.tolist())]


def normalized(texts: list[str]) -> list[str]:
    return split(*normalize_nfc(*joined(texts)))


@pytest.mark.parametrize("around", ["{}", "a{}\u0301x", "{}\u0323\u0301", "é{}", "\u1100{}\u11a8", "\u0316{}x"])
def test_every_character_is_normalized_as_by_the_library(around: str) -> None:
    texts = ["\n".join(around.format(chr(code)) for code in CODES[i : i + 5000]) for i in range(0, len(CODES), 5000)]
    assert normalized(texts) == [NFC.normalize_str(text) for text in texts]


MARKS = st.sampled_from("\u0301\u0323\u0327\u0334\u0345\u093c\u09be\u3099\u1161\u11a8\u0651\u064b\u05b0\u0897\u1ac1")
BASES = st.sampled_from(
    ["a", "é", "ệ", "は", "क", "\u09c7", "\u1100", "가", "\u0344", "\u212b", "Å", "א", "ي", "\n", " ascii text "]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.lists(st.one_of(MARKS, BASES, HARD), max_size=10).map("".join), max_size=4))
def test_any_text_is_normalized_as_by_the_library(texts: list[str]) -> None:
    assert normalized(texts) == [NFC.normalize_str(text) for text in texts]


def test_text_that_is_normal_already_is_given_back_as_it_is() -> None:
    for texts in ([], [""], ["plain", "Größe 深度学习 한국어 हिन्दी में لُغَة"]):
        text, offsets = joined(texts)
        found, borders = normalize_nfc(text, offsets)
        assert found is text and borders is offsets


def test_documents_do_not_touch_and_a_slice_begins_where_it_begins() -> None:
    text, offsets = joined(["left out", "e", "\u0301", "", "e\u0301", "x"])
    assert split(*normalize_nfc(text, offsets[1:])) == ["e", "\u0301", "", "é", "x"]


def test_more_stretches_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["e\u0301 " * 7, "", "o\u0308"]
    for room in (1, 2, 3, 8):
        monkeypatch.setattr(normalization, "ROOM", room)
        assert normalized(texts) == ["é " * 7, "", "ö"]


def test_the_separator_in_a_text_is_kept() -> None:
    texts = [f"e\u0301{normalization.SEPARATOR}\u0301 a\u0301", "o\u0308"]
    assert normalized(texts) == [NFC.normalize_str(text) for text in texts]


def test_few_stretches_of_real_text_are_looked_at_twice() -> None:
    from dspipe.tokenizer.text_files import read_documents

    texts = [document.text for document in read_documents([shared("text/pud-parallel-8lang.jsonl.zst")])]
    text, offsets = joined(texts)
    stretches = normalization._find_stretches(text, offsets)
    assert np.diff(stretches, axis=1).sum() < len(text) / 1000
    assert normalized(texts) == [NFC.normalize_str(text) for text in texts]
