"""Each hash against a few lines on Python's integers, and its values as they have always been: they are kept."""

import string
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels import hashing
from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.jit import INTERPRETED, entry, pointer
from dspipe.pipeline.tasks.records import murmur_hash64 as murmur_of_the_records
from dspipe.stages.pack.reading.permutation import _mix as hash64_of_the_reader

GOLDEN = 0x9E3779B97F4A7C15
MASK = 2**64 - 1
NUMBERS = st.integers(0, MASK)
EXAMPLES = 30 if INTERPRETED else 200


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    # uncompiled, numpy warns of the overflows that hashing is made of
    with np.errstate(over="ignore"):
        yield


def xor_shift(x: int, shift: int) -> int:
    return x ^ x >> shift


def times(x: int, factor: int) -> int:
    return x * factor & MASK


def splitmix(x: int) -> int:
    x = times(xor_shift(x, 30), 0xBF58476D1CE4E5B9)
    return xor_shift(times(xor_shift(x, 27), 0x94D049BB133111EB), 31)


def half_murmur(x: int) -> int:
    return xor_shift(times(xor_shift(x, 33), 0xFF51AFD7ED558CCD), 33)


def murmur(x: int) -> int:
    return xor_shift(times(half_murmur(x), 0xC4CEB9FE1A85EC53), 33)


def character(code: int) -> int:
    return xor_shift(times(xor_shift(code * GOLDEN + 0x632BE59BD9B4E019 & MASK, 32), 0xD6E8FEB86659FD93), 32)


@settings(deadline=None, max_examples=EXAMPLES)
@given(NUMBERS)
def test_mixers(x: int) -> None:
    number, numbers = np.uint64(x), np.array([x], np.uint64)
    assert int(hashing.hash64(number)) == splitmix(x)
    assert hashing.hash64_array(numbers).tolist() == [splitmix(x)]
    assert hash64_of_the_reader(numbers).tolist() == [splitmix(x)]
    assert int(hashing.quick_hash64(number)) == half_murmur(x)
    assert int(hashing.murmur_hash64(number)) == murmur(x)
    assert murmur_of_the_records(numbers).tolist() == [murmur(x)]
    assert int(hashing.hash_character(number)) == hashing.hash_character_array(numbers)[0] == character(x)


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.lists(st.tuples(NUMBERS, st.integers(0, 2**40)), max_size=5))
def test_hash64_with(pairs: list[tuple[int, int]]) -> None:
    for many in (pairs, pairs * (hashing.FEW + 1)):
        hashes, salts = np.array([p[0] for p in many], np.uint64), np.array([p[1] for p in many], np.int64)
        expected = [splitmix(value + (salt + 1) * GOLDEN & MASK) for value, salt in many]
        assert hashing.hash64_with(hashes, salts).tolist() == expected


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.lists(st.text(), max_size=8), NUMBERS)
def test_hash_strings(texts: list[str], seed: int) -> None:
    found = hashing.hash_strings(*text_buffers(pa.array(texts, pa.string())), np.uint64(seed))
    start = splitmix(seed + GOLDEN & MASK)
    for text, value in zip(texts, found.tolist(), strict=True):
        expected = 0xCBF29CE484222325
        for byte in text.encode():
            expected = times(expected ^ byte, 0x100000001B3)
        assert value == hashing.hash_string(text, seed) == splitmix(splitmix(expected) ^ start)


def test_hashes_of_a_slice_are_those_of_its_rows() -> None:
    column = pa.array(["a", "bb", "", "dddd"], pa.string())
    whole = hashing.hash_strings(*text_buffers(column), np.uint64(3))
    assert hashing.hash_strings(*text_buffers(column.slice(1, 2)), np.uint64(3)).tolist() == whole[1:3].tolist()


@entry("out")
def _hash_spans(text, start, end, out):  # type: ignore[no-untyped-def]
    """All hashes of text[start:end]; those of long spans where it has their 8 or 16 bytes."""
    data, size, n = pointer(text), len(text), end - start
    out[0] = hashing.hash_token(data, start, end)
    out[1] = hashing.hash_line(data, start, end)
    out[2] = hashing.hash_piece(data, start, n, size, np.uint64(5))
    out[3] = hashing.hash_long_piece(data, start, n) if n >= 8 else np.uint64(0)
    out[4] = hashing.hash_context(data, start, end) if n >= 16 else np.uint64(0)
    url, word, low, high = np.uint64(2), hashing.FASTTEXT_START, np.uint64(1), np.uint64(2)
    for i in range(start, end):
        url = hashing.hash_url_byte(url, data[i])
        word = hashing.hash_fasttext_byte(word, data[i])
        low, high = hashing.absorb_word(low, high, np.uint64(data[i]))
    out[5], out[6], out[7], out[8] = hashing.hash_url_key(url, 2), word, low, high
    out[9] = hashing.extend_ngram(out[0], out[1])


def spans(text: bytes, start: int, end: int) -> list[int]:
    out = np.zeros(10, np.uint64)
    _hash_spans(np.frombuffer(text, np.uint8), start, end, out)
    return [int(value) for value in out]


def words_of(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]


def turn(x: int, bits: int) -> int:
    return (x << bits | x >> 64 - bits) & MASK


def spans_slowly(data: bytes) -> list[int]:
    n = len(data)
    token = 0xCBF29CE484222325 + n
    for word in words_of(data):
        token = xor_shift(times(token ^ word, GOLDEN), 32)
    line = times(n + 1, GOLDEN)
    for word in words_of(data[: n - n % 8]):
        line = xor_shift(times(line ^ word, 0xFF51AFD7ED558CCD), 32)
    for byte in data[n - n % 8 :]:
        line = xor_shift(times(line ^ byte, 0xBF58476D1CE4E5B9), 29)
    piece = 5 ^ times(n, 0x517CC1B727220A95)
    for word in words_of(data):
        piece = times(turn(piece, 5) ^ word, 0x517CC1B727220A95)
    long_piece = 0
    if n >= 8:
        long_piece = n
        for word in [*words_of(data[: (n - 1) // 8 * 8]), *words_of(data[n - 8 :])]:
            long_piece = times(turn(long_piece, 25) ^ word, GOLDEN)
        long_piece = xor_shift(long_piece, 29) | 1
    context = 0
    if n >= 16:
        low, high = 0x243F6A8885A308D3, 0x13198A2E03707344
        for at in range(0, n - 15, 16):
            one, two = words_of(data[at : at + 16])
            low = xor_shift(times(low ^ one, GOLDEN), 32)
            high = xor_shift(times(high ^ two, 0xC2B2AE3D27D4EB4F), 29)
        one, two = words_of(data[n - 16 :])
        low, high = times(low ^ one, GOLDEN), times(high ^ two, 0xC2B2AE3D27D4EB4F)
        context = half_murmur(low ^ half_murmur(high + n & MASK))
    url, low, high = 2, 1, 2
    for byte in data:
        url = times(url ^ byte, 0x9FB21C651E98DF25) ^ url >> 32
        low = xor_shift(times(low ^ byte, GOLDEN), 29)
        high = turn(times(high + byte & MASK, 0xC2B2AE3D27D4EB4F), 31)
    url = times(xor_shift(url, 29), 0xBF58476D1CE4E5B9) + 2 & MASK
    url = xor_shift(times(xor_shift(url, 32), 0x94D049BB133111EB), 29) | 1
    line |= 1
    ngram = xor_shift(times(xor_shift(token, 29), 0xBF58476D1CE4E5B9) + line & MASK, 32)
    word = hashing.hash_fasttext_token(data)
    return [token, line, xor_shift(piece, 29) | 1, long_piece, context, url, word, low, high, ngram]


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.binary(max_size=60), st.integers(0, 20), st.integers(0, 20))
def test_hashes_of_bytes(data: bytes, before: int, behind: int) -> None:
    text = b"\xff" * before + data + b"\xee" * behind
    assert spans(text, before, before + len(data)) == spans_slowly(data)


@given(st.text())
def test_tokens_of_tables_have_the_hashes_of_tokens_of_texts(word: str) -> None:
    data = word.encode()
    assert hashing.hash_token_text(word) == spans_slowly(data)[0]


def test_fasttext_takes_bytes_as_signed() -> None:
    assert hashing.hash_fasttext_token(b"") == 2166136261 and hashing.hash_fasttext_token(b"a") == 0xE40C292C
    # a byte over 127 counts as signed: unlike plain FNV-1a
    assert hashing.hash_fasttext_token(b"\xe9") == ((2166136261 ^ 0xFFFFFFE9) * 16777619) % 2**32


def bits_changed(mixer: Any, values: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """The share of bits of the result that change, for each bit of the value that does."""
    shares = []
    for bit in range(64):
        changed = mixer(values) ^ mixer(values ^ np.uint64(1 << bit))
        shares.append((changed[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)).mean())
    return np.array(shares)


def test_a_bit_changes_half_of_all() -> None:
    values = np.random.default_rng(1).integers(0, 2**64, 2_000, np.uint64)
    assert np.abs(bits_changed(hashing.hash64_array, values) - 0.5).max() < 0.02


def test_values_stay_as_they_are() -> None:
    """Kept signatures, order keys and indexes must fit: a change here is a change of format."""
    text = string.printable.encode()
    assert spans(text, 3, 60) == PINNED_SPANS
    ids = text_buffers(pa.array(["", "document-1"], pa.string()))
    assert hashing.hash_strings(*ids, np.uint64(7)).tolist() == PINNED_STRINGS
    assert hashing.hash64_with(np.array([1, 2], np.uint64), np.array([0, 3])).tolist() == PINNED_SALTED


PINNED_SPANS = [
    13580721289005126310,
    2661467474180495193,
    8220593812783399919,
    8146869139965801883,
    6218405308589237697,
    5363608461890950655,
    2171140074,
    17095612230023072892,
    15334562293325629709,
    7391561357802235427,
]
PINNED_STRINGS = [10236545049378929331, 775456442718301853]
PINNED_SALTED = [10451216379200822465, 14119491246550939236]
