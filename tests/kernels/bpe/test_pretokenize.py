"""The schemes of dspipe's own pre-tokenizers (also kernels/bpe/pretokenize_strict.py) against their definitions.

kernels/bpe/pretokenize_regex.py and pretokenize_case.py are tested with their schemes, in
tests/tokenizer/test_schemes.py.
"""

import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.bpe.pretokenize import scan_deepseek
from dspipe.kernels.jit import INTERPRETED
from dspipe.tokenizer.schemes import SCHEMES, Scheme
from tests.kernels.bpe.pieces import HARD, cut, cut_strictly, joined, pattern_of

DEEPSEEK, STRICT = SCHEMES["deepseek"], SCHEMES["deepseek_strict"]
PATTERN = re.compile(pattern_of(DEEPSEEK))


@settings(max_examples=300, deadline=None)
@given(st.lists(HARD, max_size=5))
def test_deepseek_equals_its_regular_expression(texts: list[str]) -> None:
    assert cut(DEEPSEEK.pre_tokenizer(), texts) == [PATTERN.findall(text) for text in texts]


@settings(max_examples=300, deadline=None)
@given(st.lists(HARD, max_size=5))
def test_strict_equals_the_seven_steps(texts: list[str]) -> None:
    assert cut(STRICT.pre_tokenizer(), texts) == [cut_strictly(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a naïve café", ["a", " naïve", " café"]),
        ("हिन्दी ภาษาไทย العَرَبِيَّة", ["हिन्दी", " ภาษาไทย", " العَرَبِيَّة"]),
        ("“quoted” 2024", ["“", "quoted", "”", " ", "2", "0", "2", "4"]),
        ("한국어 말", ["한국어", " 말"]),
        ("二〇二四年，好。", ["二〇二四年", "，", "好", "。"]),
        ("x\n\n    y\t", ["x", "\n\n", "   ", " y", "\t"]),
        ("❤️ ok 👍🏽", ["❤️", " ok", " 👍🏽"]),
        ("می‌خواهم", ["می‌خواهم"]),
    ],
)
def test_deepseek_keeps_words_whole(text: str, pieces: list[str]) -> None:
    assert cut(DEEPSEEK.pre_tokenizer(), [text]) == [pieces]


def test_blocks_carry_on_where_the_last_one_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["one two", "", "三四 five", "", ""]
    scan = DEEPSEEK.pre_tokenizer()
    whole = cut(scan, texts)
    for room in (1, 2, 3):
        monkeypatch.setattr(scan, "_ends", np.empty(room, np.int64))
        assert cut(scan, texts) == whole


def test_a_slice_of_a_column_begins_where_it_begins() -> None:
    text, offsets = joined(["skipped", "one two"])
    assert [ends.tolist() for ends in DEEPSEEK.pre_tokenizer().blocks(text, offsets[1:])] == [[10, 14, 14]]


def test_no_documents_have_no_pieces() -> None:
    table = DEEPSEEK.pre_tokenizer()._arguments
    empty = np.empty(0, np.uint8)
    assert scan_deepseek(empty, np.zeros(1, np.int64), *table, np.zeros(2, np.int64), np.empty(4, np.int64)) == 0


UNITS = [" ", "\u2003", " \u2003", "\u2003 ", "　", "　“", "中", "a", ".", "\n", "5", "\x00", "\u0301", " \x00"]
UNITS += ["'", " \n", "\x00\n", "・", "'s", "!a"]


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=lambda scheme: scheme.name)
def test_long_runs_take_linear_time(scheme: Scheme) -> None:
    size = 300 if INTERPRETED else 500_000
    scan = scheme.pre_tokenizer()
    cut(scan, ["warm"])
    start = time.process_time()
    for unit in UNITS:
        for end in ("", "x", "中", "。", "\x00"):
            text, offsets = joined([unit * (size // len(unit)) + end])
            assert sum(len(ends) for ends in scan.blocks(text, offsets)) >= 2
    # a look at every character for every character would take hours
    assert time.process_time() - start < 30
