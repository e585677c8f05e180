"""Counts of distinct pieces: what a vocabulary is trained from.

All distinct words are trained on where memory allows. Where it doesn't, rare ones must not simply be dropped: without
those seen once, 17 % of 100,000 tokens of a 50 MB sample change. There are two ways to make them fewer.

`thin` keeps a word seen c times, c below `below`, with probability c / below, and counts it `below` times (threshold
sampling: Duffield, Lund, Thorup, "Learn more, sample less", 2005). Sums of counts stay right on average, and a pair
seen f times is off by a standard error of at most sqrt(below / f) of that: with `below` 2, 0.6 % of 100,000 tokens
differ on 3.6 GB of text.

`cut_rare_pairs` cuts words. A token that spans the border of two characters occurs at most as often as these two
characters meet. So where they meet fewer than `bound` times, and every merge was seen at least `bound` times, no token
of whole characters can span the border. Tokens that hold a part of a character on either side can change: 40 of 100,000
with bound 2. It makes words fewer by a part only, and needs a table of them all in memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.count import (
    CharacterPairs,
    count_pieces,
    cut_at_rare_pairs,
    grow_table,
    hash_rows,
    piece_table,
)
from dspipe.tokenizer.arrays import Bytes, Offsets
from dspipe.tokenizer.schemes import BLOCK, PreTokenizer

MAX_RARE_COUNT = 1 << 12
"""words seen more often are never thinned out by themselves"""
THINNING_SEED = np.uint64(0x7468696E)
"""any but 0, whose hashes say which partition counts a word"""


@dataclass(frozen=True)
class WordCounts:
    """Distinct words data[offsets[i]:offsets[i + 1]] (uint8, int64), each seen counts[i] times (int64)."""

    data: Bytes
    offsets: Offsets
    counts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.counts)


class WordCounter:
    """Adds up pieces of text. Memory grows with the distinct pieces: their bytes, and 28 to 56 bytes each."""

    def __init__(self, slots: int = 1 << 14) -> None:
        """slots: of the table at first, a power of two, at least 2; it grows."""
        self._table = piece_table(slots)
        self._ones = np.ones(BLOCK, np.int64)

    def __len__(self) -> int:
        return int(self._table.used[0])

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""
        return sum(array.nbytes for array in self._table)

    def add_texts(self, pre_tokenizer: PreTokenizer, text: Bytes, offsets: Offsets) -> None:
        """Count the pieces of the documents text[offsets[i]:offsets[i + 1]], valid UTF-8."""
        state = np.array([0, offsets[0]], np.int64)
        for ends in pre_tokenizer.blocks(text, offsets):
            if len(ends) > len(self._ones):
                self._ones = np.ones(2 * len(ends), np.int64)
            self._add(text, ends, self._ones, state)

    def add_words(self, words: WordCounts) -> None:
        """Add counts made elsewhere."""
        state = np.array([0, words.offsets[0]], np.int64)
        self._add(words.data, words.offsets[1:], words.counts, state)

    def add_cut(self, words: WordCounts, pairs: npt.NDArray[np.uint64], bound: int) -> None:
        """Add what remains of the words when they are cut at character pairs counted fewer than `bound` times."""
        data, offsets, counts = words.data, words.offsets, words.counts
        ends, weights = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64)
        cut, state = np.array([0, words.offsets[0]], np.int64), np.array([0, words.offsets[0]], np.int64)
        while n := cut_at_rare_pairs(data, offsets, counts, pairs, bound, cut, ends, weights):
            self._add(data, ends[:n], weights, state)

    def words(self) -> WordCounts:
        """The distinct pieces in the order of their first use, as they are until more is added."""
        _, starts, counts, store, _ = self._table
        return WordCounts(store[: starts[len(self)]], starts[: len(self) + 1], counts[: len(self)])

    def _add(self, text: Bytes, ends: Offsets, weights: npt.NDArray[np.int64], state: npt.NDArray[np.int64]) -> None:
        state[0] = 0
        while not count_pieces(text, ends, weights, state, self._table):
            self._table = grow_table(self._table, int(ends[state[0]] - state[1]))


def thin(words: WordCounts, below: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Which words to keep, and the counts of those. A word is kept or not whatever the others are."""
    hashes = np.empty(len(words), np.uint64)
    hash_rows(words.data, words.offsets, THINNING_SEED, hashes)
    # 53 bits, which a float holds exactly: in [0, 1)
    kept = (hashes >> np.uint64(11)).astype(np.float64) / (1 << 53) * below < words.counts
    return kept, np.maximum(words.counts[kept], below)


def count_positions(words: WordCounts) -> npt.NDArray[np.int64]:
    """int64[MAX_RARE_COUNT + 1]: how many positions (kernels.bpe.symbols) the words take, by how often they are seen;
    those seen more often than that in the last."""
    positions = np.diff(words.offsets) + 1
    return np.bincount(np.minimum(words.counts, MAX_RARE_COUNT), positions, MAX_RARE_COUNT + 1).astype(np.int64)


def find_min_thinning(positions: npt.NDArray[np.int64], limit: int) -> int:
    """The lowest bound for `thin` that leaves at most `limit` positions on average, of as many as `count_positions`
    says; 0 where all fit."""
    seen = np.arange(len(positions))
    below = 1
    while below < MAX_RARE_COUNT and (positions * np.minimum(1, seen / below)).sum() > limit:
        below += 1
    return below if below > 1 else 0


def cut_rare_pairs(parts: Iterable[WordCounts], again: Iterable[WordCounts], bound: int) -> WordCounts:
    """The words of all parts, cut at pairs of characters that meet fewer than `bound` times in all of them.

    `parts` and `again` give the same parts, one after the other, so that they need not be in memory together.
    """
    pairs, counter = CharacterPairs(), WordCounter()
    for part in parts:
        pairs.add(part.data, part.offsets, part.counts)
    for part in again:
        counter.add_cut(part, pairs.table, bound)
    return counter.words()
