"""What the cache keeps, and that it changes no id."""

import numpy as np
import pytest

from dspipe.kernels.bpe.piece_cache import MAX_CACHED_BYTES, MAX_SHORT_BYTES, PieceCache
from dspipe.kernels.jit import INTERPRETED
from tests.kernels.bpe.test_encode import Model, random_merges

pytestmark = pytest.mark.filterwarnings("ignore:overflow")


def known(cache: PieceCache, text: str) -> bool:
    """Whether the ids of a text, which is one piece, come from the cache: without merges, they'd be its bytes."""
    blank = Model([])
    blank.cache = PieceCache(cache.short.copy(), cache.long.copy(), cache.ring.copy(), cache.head.copy())
    return blank.encode([text])[0] != list(text.encode())


@pytest.mark.parametrize("length", [4, MAX_SHORT_BYTES, MAX_SHORT_BYTES + 1, 100, MAX_CACHED_BYTES])
@pytest.mark.parametrize("unit", ["ab", "cd"])  # of few ids, which a slot holds, and of many
def test_pieces_are_kept_and_the_oldest_make_room(length: int, unit: str) -> None:
    model = Model([(b"a", b"b"), (b"ab", b"ab"), (b"abab", b"abab")], cache_bytes=1)
    pieces = [f"ab{unit * length}"[: length - 2] + chr(97 + n // 26) + chr(97 + n % 26) for n in range(300)]
    model.encode(pieces)
    found = [number for number, piece in enumerate(pieces) if known(model.cache, piece)]
    assert {298, 299} <= set(found) and len(found) < 200 and np.mean(found) > 200


def test_a_large_cache_keeps_all_pieces() -> None:
    model = Model([(b"a", b"b")], cache_bytes=1 << 20)
    pieces = [f"ab{chr(97 + number % 26) * (number // 26)}" for number in range(26 * 40)]
    model.encode(pieces)
    assert np.mean([known(model.cache, piece) for piece in pieces[::20]]) > 0.9


def test_the_longest_piece_is_not_kept() -> None:
    model = Model([(b"a", b"b")])
    pieces = ["ab" * (MAX_CACHED_BYTES // 2), "ab" * (MAX_CACHED_BYTES // 2) + "a"]
    model.encode(pieces)
    assert [known(model.cache, piece) for piece in pieces] == [True, False]


def test_a_full_cache_changes_nothing() -> None:
    chance = np.random.default_rng(1)
    count = 1500 if INTERPRETED else 30_000
    words = [
        "".join(chr(97 + letter) for letter in chance.integers(0, 26, chance.integers(1, 40))) for _ in range(count)
    ]
    small = Model(random_merges(5, words[:60], 60), cache_bytes=1)
    texts = [" ".join(words[i : i + 50]) for i in range(0, count, 50)]
    assert small.encode(texts) == Model(list(small.ranks)).encode(texts)
    assert small.cache.head[0] > len(small.cache.ring)
    assert small.encode(texts[:2]) == small.encode_slowly(texts[:2])
