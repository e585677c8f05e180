import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.bpe.count import hash_rows
from dspipe.kernels.hashing import FXHASH
from dspipe.tokenizer.counting import WordCounter, WordCounts, cut_rare_pairs
from dspipe.tokenizer.schemes import SCHEMES
from tests.kernels.bpe.pieces import HARD, joined, pattern_of

DEEPSEEK = SCHEMES["deepseek"]
PATTERN = re.compile(pattern_of(DEEPSEEK))
pytestmark = pytest.mark.filterwarnings("ignore:overflow")


def as_dict(words: WordCounts) -> dict[str, int]:
    data = words.data.tobytes()
    texts = [data[start:end].decode() for start, end in pairwise(words.offsets.tolist())]
    assert len(set(texts)) == len(texts)
    return dict(zip(texts, words.counts.tolist(), strict=True))


def from_dict(words: dict[str, int]) -> WordCounts:
    return WordCounts(*joined(list(words)), np.array(list(words.values()), np.int64))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(HARD, max_size=4), max_size=3))
def test_counts_equal_a_counter(batches: list[list[str]]) -> None:
    counter, expected = WordCounter(), Counter[str]()
    for texts in batches:
        counter.add_texts(DEEPSEEK.pre_tokenizer(), *joined(texts))
        expected.update(piece for text in texts for piece in PATTERN.findall(text))
    words = counter.words()
    assert as_dict(words) == expected
    assert list(as_dict(words)) == list(expected)  # in the order of first use
    assert len(counter) == len(expected)


def test_tables_grow() -> None:
    counter = WordCounter()
    before = counter.nbytes
    texts = [f"{'x' * (n % 300)} {chr(97 + n % 26)}{chr(0x4E00 + n)}" for n in range(9_000)] + ["y" * 400_000]
    for _ in range(2):
        counter.add_texts(DEEPSEEK.pre_tokenizer(), *joined(texts))
    expected = Counter(piece for text in texts * 2 for piece in PATTERN.findall(text))
    assert as_dict(counter.words()) == expected
    assert counter.nbytes > before


def test_pieces_whose_hashes_are_alike_are_told_apart() -> None:
    # hash_piece backwards: words of 8 bytes whose hashes share the upper half, which is what a slot holds
    multiplier, whole = int(FXHASH), 1 << 64
    start = 8 * multiplier % whole
    turned, inverse = (start << 5 | start >> 59) % whole, pow(multiplier, -1, whole)
    words = np.array([(77 << 32 | low) * inverse % whole ^ turned for low in range(1, 500)], np.uint64)
    data, offsets = words.view(np.uint8), np.arange(0, 8 * len(words) + 1, 8)
    counter = WordCounter()
    for _ in range(2):
        counter.add_words(WordCounts(data, offsets, np.arange(1, 500)))
    slots = counter._table.slots
    assert len(np.unique(slots[slots != 0] >> np.uint64(32))) == 1
    found = counter.words()
    assert found.data.tolist() == data.tolist() and found.counts.tolist() == list(range(2, 1000, 2))


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text("ab中", min_size=1), st.integers(1, 1 << 40)), max_size=4))
def test_counts_add_up(parts: list[dict[str, int]]) -> None:
    counter, expected = WordCounter(), Counter[str]()
    for part in parts:
        counter.add_words(from_dict(part))
        expected.update(part)
    assert as_dict(counter.words()) == expected


def cut_slowly(words: dict[str, int], bound: int) -> Counter[str]:
    pairs: Counter[tuple[str, str]] = Counter()
    for word, count in words.items():
        for pair in pairwise(word):
            pairs[pair] += count
    pieces: Counter[str] = Counter()
    for word, count in words.items():
        start = 0
        for i, pair in enumerate(pairwise(word), 1):
            if pairs[pair] < bound:
                pieces[word[start:i]] += count
                start = i
        pieces[word[start:]] += count
    return pieces


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.dictionaries(st.text("abé中文", min_size=1, max_size=9), st.integers(1, 9)), max_size=3),
    st.integers(0, 12),
)
def test_words_are_cut_at_rare_pairs(parts: list[dict[str, int]], bound: int) -> None:
    together: Counter[str] = Counter()
    for part in parts:
        together.update(part)
    split = [from_dict(part) for part in parts]
    assert as_dict(cut_rare_pairs(split, split, bound)) == cut_slowly(together, bound)


def test_pair_tables_grow() -> None:
    words = {"".join(chr(0x4E00 + (n * step) % 20_000) for step in range(1, 60)): 1 + n % 3 for n in range(3_000)}
    parts = [from_dict(words)]
    assert as_dict(cut_rare_pairs(parts, parts, 3)) == cut_slowly(words, 3)


def test_row_hashes_are_even_and_depend_on_the_seed() -> None:
    rows = [f"document-{n}" for n in range(4_000)] + ["", "x" * 100]
    hashes = np.empty(len(rows), np.uint64)
    other = hashes.copy()
    hash_rows(*joined(rows), np.uint64(1), hashes)
    hash_rows(*joined(rows), np.uint64(2), other)
    assert len(set(hashes.tolist()) | set(other.tolist())) == 2 * len(rows)
    for bits in (hashes, other, hashes ^ other):
        share = (bits[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)).mean(axis=0)
        assert np.abs(share - 0.5).max() < 0.05
