"""Words laid out as symbols, counts by position, and closing gaps."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.bpe.symbols import BORDER, INSIDE, Symbols, Words, close_up, count_at, lay_out
from dspipe.kernels.jit import entry
from tests.kernels.bpe.pieces import joined

BYTE_IDS = np.arange(256, dtype=np.int64)[::-1].copy()
WORDS = st.dictionaries(st.text("abé", min_size=1, max_size=6), st.integers(1, 5), max_size=12)


def words_of(words: dict[str, int]) -> Words:
    return (*joined(list(words)), np.array(list(words.values()), np.int64))


@entry("found")
def _counts(starts, counts, blocks, found):  # type: ignore[no-untyped-def]
    for i in range(1, len(found)):
        found[i] = count_at(i, starts, counts, blocks)


def words_in(symbols: Symbols) -> list[tuple[tuple[int, ...], int]]:
    """The words between borders, as the ids of their symbols, with their counts; sorted."""
    found = np.zeros(len(symbols.ids), np.int64)
    _counts(symbols.starts, symbols.counts, symbols.blocks, found)
    words: list[tuple[tuple[int, ...], int]] = []
    word: list[int] = []
    for i in range(1, len(symbols.ids)):
        if symbols.ids[i] == BORDER:
            words.append((tuple(word), int(found[i - 1])))
            word = []
        elif symbols.ids[i] >= 0:
            word.append(int(symbols.ids[i]))
    return sorted(words)


def ids_of(word: str) -> tuple[int, ...]:
    return tuple(BYTE_IDS[list(word.encode())].tolist())


@settings(deadline=None, max_examples=150)
@given(st.lists(WORDS, max_size=3))
def test_all_words_of_more_than_a_byte_are_laid_out_with_their_counts(parts: list[dict[str, int]]) -> None:
    symbols = lay_out([words_of(part) for part in parts], BYTE_IDS)
    expected = [(ids_of(word), n) for part in parts for word, n in part.items() if len(word.encode()) > 1]
    assert words_in(symbols) == sorted(expected)


def merge_first_two(ids: npt.NDArray[np.int32], start: int) -> None:
    ids[start], ids[start + 1] = 999, -1 - 2


@settings(deadline=None, max_examples=150)
@given(WORDS)
def test_closing_gaps_keeps_all_words_of_several_symbols(words: dict[str, int]) -> None:
    symbols = lay_out([words_of(words)], BYTE_IDS)
    for i in np.flatnonzero(symbols.ids[:-1] == BORDER).tolist():
        merge_first_two(symbols.ids, i + 1)
    closed = close_up(symbols)
    expected = [((999, *ids_of(word)[2:]), n) for word, n in words.items() if len(word.encode()) > 2]
    assert words_in(closed) == sorted(expected)
    assert closed.ids.min() >= BORDER > INSIDE


def test_parts_that_change_are_refused() -> None:
    class Growing:
        length = 2

        def __iter__(self):  # type: ignore[no-untyped-def]
            self.length += 1
            yield words_of({"a" * self.length: 1})

    with pytest.raises(ValueError, match="others than when they were first gone through"):
        lay_out(Growing(), BYTE_IDS)
