"""Tokens: none is lost, and they are spaCy's on English pages; kernels/text/word_affixes.py is tested with them."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.common import read_texts
from dspipe.kernels.hashing import hash_token_text
from dspipe.kernels.jit import INTERPRETED
from dspipe.kernels.text.special_words import special_words
from dspipe.kernels.text.unicode_classes import POINTING, SPACE, WORD_BREAK, character_classes
from dspipe.kernels.text.word_tokens import COUNTERS, PIECES, WRITTEN, TokenOutput, write_text_tokens
from tests.shared import shared

EXAMPLES = 20 if INTERPRETED else 300


def tokens(text: str) -> list[str]:
    """The kernel's tokens as strings: their lengths cut the text without its white space."""
    data = np.frombuffer(text.encode("utf-8"), np.uint8)
    hashes, ends = np.empty(len(data) + 1, np.uint64), np.zeros(len(data) + 1, np.int32)
    counters = np.zeros(COUNTERS, np.int64)
    with np.errstate(over="ignore"):
        pieces = np.empty(2 * PIECES, np.int64)
        out = TokenOutput(hashes, ends, np.empty(len(ends), np.uint8), counters, pieces)
        write_text_tokens(data, character_classes(), special_words(), out)
    dense = "".join(c for c in text if not character_classes().of(c) & (SPACE | WORD_BREAK))
    words = [dense[a:b] for a, b in pairwise([0, *map(int, ends[: counters[WRITTEN]])])]
    assert "".join(words) == dense
    plain = ["".join(c for c in word if not character_classes().of(c) & POINTING) for word in words]
    assert [hash_token_text(word) for word in plain] == hashes[: len(words)].tolist()
    return words


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
@settings(max_examples=EXAMPLES, deadline=None)
def test_every_character_is_in_one_token(text: str) -> None:
    tokens(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Don't stop, it's fine.", "Do n't stop , it 's fine ."),
        ("He said (quietly): “no”...", "He said ( quietly ): “ no ” ..."),
        ("Mr. Smith of the U.S. paid $5,000.50!", "Mr. Smith of the U.S. paid $ 5,000.50 !"),
        ("well-known and/or 10km at 5pm, 20%", "well - known and/or 10 km at 5 pm , 20 %"),
        ("see https://example.com/a-b?c=d or me@example.com.", "see https://example.com/a-b?c=d or me@example.com ."),
        ("end.Start a,b x=y 1-2", "end . Start a , b x = y 1 - 2"),
        ("cannot we'll you’d’ve", "can not we 'll you ’d ’ve"),
        ("我们是 GPT-4 用户。", "我 们 是 GPT-4 用 户 。"),
        ("ที่นี่ กำลัง", "ที่ นี่ ก ำ ลั ง"),
        ("ሰላም፡ለዓለም።", "ሰላም ለዓለም ።"),
        ("माझी शाळा. తెలుగు. உண்டு. đa\u0323t.", "माझी शाळा . తెలుగు . உண்டு . đa\u0323t ."),
        ("e\u0301cole-e\u0301tude E\u0301. ക്\u200d.", "e\u0301cole - e\u0301tude E\u0301. ക്\u200d ."),
        ("ខ្មែរ\u200bល្អ។", "ខ្ មែ រ ល្ អ ។"),
        ("ꦲꦏ꧀ꦱꦫ꧈", "ꦲ ꦏ꧀ ꦱ ꦫ ꧈"),
    ],
)
def test_tokens(text: str, wanted: str) -> None:
    assert tokens(text) == wanted.split()


def test_tokens_agree_with_spacy_on_real_pages() -> None:
    spacy = pytest.importorskip("spacy")
    reference = spacy.blank("en").tokenizer
    total = different = 0
    for text in read_texts([shared("web/wcxb-dev.warc.gz")], mb=0.05 if INTERPRETED else 0.5):
        for line in text.splitlines():
            theirs = [token.text for token in reference(line) if not token.is_space]
            total += len(theirs)
            different += sum((Counter(theirs) - Counter(tokens(line))).values())
    assert different < total / 5000
