"""Ids against plain merging: kernels/bpe/merge.py, which has no other use, is tested with them."""

import heapq
import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.bpe import encode as bpe_encode
from dspipe.kernels.bpe.cut import joins_of
from dspipe.kernels.bpe.piece_cache import piece_cache
from dspipe.kernels.bpe.table import NOTHING, merge_table
from dspipe.kernels.bpe.whole import whole_tokens
from dspipe.tokenizer.schemes import SCHEMES
from tests.kernels.bpe.pieces import HARD, cut, joined

PIECES = SCHEMES["deepseek"].pre_tokenizer()
pytestmark = pytest.mark.filterwarnings("ignore:overflow")
WORDS = [
    "hello",
    " world",
    "中文分词",
    "中国人民",
    "分词",
    "ééé",
    "aaaaaaaa",
    "abcabcabc",
    " the",
    "，，",
    "한국",
    "\n\n\n",
    "क्षि",
]

Merges = dict[tuple[bytes, bytes], int]


def random_merges(seed: int, words: list[str], wanted: int) -> list[tuple[bytes, bytes]]:
    """Merges as training on the words in a random order of pairs would make them, parts of characters among them."""
    chance = np.random.default_rng(seed)
    merges: list[tuple[bytes, bytes]] = []
    split = [[bytes([byte]) for byte in word.encode()] for word in words]
    for _ in range(wanted):
        pairs = sorted({pair for word in split for pair in itertools.pairwise(word)})
        if not pairs:
            break
        merges.append(pairs[chance.integers(len(pairs))])
        split = [merge_slowly(word, {merges[-1]: 0}) for word in split]
    return merges


def merge_slowly(symbols: list[bytes], ranks: Merges) -> list[bytes]:
    symbols = list(symbols)
    while True:
        found = [(ranks[pair], i) for i, pair in enumerate(itertools.pairwise(symbols)) if pair in ranks]
        if not found:
            return symbols
        _, i = min(found)
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]


class Model:
    """A vocabulary for the kernels, and its slow twin."""

    def __init__(
        self, merges: list[tuple[bytes, bytes]], cache_bytes: int = 1 << 20, whole: tuple[str, ...] = ()
    ) -> None:
        tokens = [bytes([byte]) for byte in range(256)]
        for left, right in merges:
            if left + right not in tokens:
                tokens.append(left + right)
        self.ids = {token: number for number, token in enumerate(tokens)}
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        rows = [[self.ids[left], self.ids[right], self.ids[left + right]] for left, right in merges]
        self.table = merge_table(np.arange(256, dtype=np.uint32), np.array(rows, np.uint32).reshape(-1, 3))
        self.whole = {token.encode(): 1000 + number for number, token in enumerate(whole)}
        self.whole_table = whole_tokens({number: token for token, number in self.whole.items()})
        made = [*tokens[256:], *self.whole]
        lengths = np.append(0, np.cumsum([len(token) for token in made])).astype(np.int64)
        self.joins = joins_of(np.frombuffer(b"".join(made), np.uint8), lengths)
        self.cache = piece_cache(cache_bytes)

    def encode(self, texts: list[str]) -> list[list[int]]:
        text, offsets = joined(texts)
        ids = np.empty(len(text) + bpe_encode.SLACK, np.uint32)
        ends = np.zeros(len(texts) + 1, np.int64)
        state = np.array([offsets[0], 0, 0], np.int64)
        for block in PIECES.blocks(text, offsets):
            bpe_encode.encode_pieces(
                text, block, state, self.table, self.joins, self.whole_table, self.cache, ids, ends
            )
        return [ids[start:end].tolist() for start, end in itertools.pairwise(ends.tolist())]

    def encode_slowly(self, texts: list[str]) -> list[list[int]]:
        return [
            [number for piece in pieces for number in self._encode_piece_slowly(piece.encode())]
            for pieces in cut(PIECES, texts)
        ]

    def _encode_piece_slowly(self, piece: bytes) -> list[int]:
        if piece in self.whole:
            return [self.whole[piece]]
        return [self.ids[token] for token in merge_slowly([bytes([byte]) for byte in piece], self.ranks)]


MODELS = [Model(random_merges(seed, WORDS * 2, 25 * (seed + 1))) for seed in range(3)]
WHOLE = ("hello", "中国", "人民", " the", "abcabcabcabcabcabc", "クク", "한국", "民")
MODELS += [Model(random_merges(seed, WORDS * 2, 40), whole=WHOLE) for seed in (7, 8)]
TEXTS = st.lists(
    st.one_of(HARD, st.lists(st.sampled_from([*WORDS, "人民", "中国人", "民"]), max_size=12).map("".join)), max_size=6
)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from(MODELS))
def test_ids_equal_plain_merging(texts: list[str], model: Model) -> None:
    expected = model.encode_slowly(texts)
    assert model.encode(texts) == expected
    assert model.encode(texts) == expected  # from the cache


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 30), st.lists(HARD, min_size=1, max_size=4), st.booleans())
def test_ids_equal_plain_merging_with_any_vocabulary(seed: int, texts: list[str], any_order: bool) -> None:
    merges = random_merges(seed, texts, 30)
    if any_order:  # a token may then be used before it can be made
        random.Random(seed).shuffle(merges)
    model = Model(merges)
    assert model.encode(texts) == model.encode_slowly(texts)


CHINESE = st.lists(st.sampled_from("中国人民共和一乙丁七万é é한a"), max_size=60).map("".join)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 30), st.lists(CHINESE, min_size=1, max_size=3), st.integers(0, 120), st.booleans())
def test_characters_that_begin_whole_change_nothing(seed: int, texts: list[str], wanted: int, any_order: bool) -> None:
    merges = random_merges(seed, texts, wanted)
    if any_order:
        random.Random(seed).shuffle(merges)
    model = Model(merges)
    assert model.encode(texts) == model.encode_slowly(texts)


def test_characters_begin_whole_unless_a_merge_of_theirs_comes_first() -> None:
    first, second, third = (bytes([byte]) for byte in "中".encode())
    whole = "中".encode()
    made = [(second, third), (first, second + third)]
    for merges, begins in (
        ([*made, (whole, whole)], True),
        ([made[0], (whole, whole), made[1]], False),
        (made[:1], False),
    ):
        model = Model(merges)
        assert (model.table.characters[ord("中")] != NOTHING) == begins
        assert model.encode(["中中中 中"]) == model.encode_slowly(["中中中 中"])


@pytest.mark.parametrize("length", [1, 8, 9, 15, 16, 62, 63, 64, 256, 257, 5000])
@pytest.mark.parametrize("unit", ["a", "ab", "中", "é"])
def test_pieces_of_every_length(length: int, unit: str) -> None:
    model = Model([(b"a", b"a"), (b"aa", b"aa"), (b"a", b"b"), (b"ab", b"ab"), (b"\xe4", b"\xb8")])
    text = unit * length
    assert model.encode([text, text]) == [merged_with_heap(model, text)] * 2


def merged_with_heap(model: Model, text: str) -> list[int]:
    """Plain merging with a heap, for texts that are too long for merge_slowly."""
    symbols: list[bytes | None] = [bytes([byte]) for byte in text.encode()]
    after = list(range(1, len(symbols) + 1))
    before = list(range(-1, len(symbols) - 1))

    def entry(i: int) -> tuple[int, int, bytes, bytes] | None:
        j = after[i]
        pair = (symbols[i], symbols[j]) if j < len(symbols) else None
        return (model.ranks[pair], i, *pair) if pair in model.ranks else None

    heap = [found for i in range(len(symbols)) if (found := entry(i))]
    heapq.heapify(heap)
    while heap:
        _, i, left, right = heapq.heappop(heap)
        j = after[i]
        if symbols[i] != left or j >= len(symbols) or symbols[j] != right:
            continue
        symbols[i], symbols[j], after[i] = left + right, None, after[j]
        if after[i] < len(symbols):
            before[after[i]] = i
        for position in (i, before[i]):
            if position >= 0 and (found := entry(position)):
                heapq.heappush(heap, found)
    return [model.ids[symbol] for symbol in symbols if symbol is not None]


def test_two_merges_may_make_the_same_token() -> None:
    model = Model([(b"b", b"c"), (b"a", b"b"), (b"ab", b"c"), (b"a", b"bc")])
    assert len(model.ids) == 256 + 3
    assert model.encode(["abc xabc"]) == model.encode_slowly(["abc xabc"])


def test_documents_without_bytes_have_no_ids() -> None:
    assert MODELS[0].encode(["", "a", "", ""]) == [[], [97], [], []]
    assert MODELS[0].encode([]) == []
