"""Every hash and mixer that kernels use, once each.

Most of these values are kept: signatures, text hashes, order keys and indexes of block lists and benchmarks are
compared across runs and machines. So a function here never changes; what needs another hash gets another function.
There are several because each costs as little as its use allows: a mixer of a unit is called for every word of a crawl,
that of an order key once a document.

    hash64, hash64_with, hash_strings   order keys and samples: SplitMix64
    quick_hash64                        units, shingles and texts in deduplication: half of MurmurHash3's finalizer
    murmur_hash64                       rows in samples and partitions: all of it
    hash_character                      characters within units (kernels.dedup.units)
    absorb_word                         whole texts, 128 bits (kernels.dedup.text_hash)
    hash_context                        stretches of a text (kernels.dedup.winnowing)
    hash_token, extend_ngram            words and n-grams of words in text statistics (kernels.text)
    hash_line                           lines in text statistics
    hash_url_byte, hash_url_key         hosts, URLs and words in block lists (kernels.urls)
    hash_piece, hash_long_piece         pieces in the tables of tokenizers (kernels.bpe)
    hash_fasttext_byte                  fastText's own, which its models are made with

What only says in which slot of a table a search begins, as key * GOLDEN >> shift, stands beside its table: it decides
no result.

Two places have these formulas in numpy, since they work on arrays without numba: the trainer's reader (hash64, in
stages.pack.reading.permutation) and the engine's records (murmur_hash64, which pipeline.tasks.records calls hash64).
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.jit import entry, inline, jit, load64

UInt64 = npt.NDArray[np.uint64]
Int64 = npt.NDArray[np.int64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio, odd: the step of SplitMix64, the factor of Fibonacci hashing (Knuth, volume 3, 6.4)
and the base of polynomials"""
SPLITMIX_1, SPLITMIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
"""SplitMix64's factors (Steele, Lea, Flood 2014; constants by Stafford, "Mix13")"""
MURMUR_1, MURMUR_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
"""factors of MurmurHash3's 64-bit finalizer (Appleby)"""
XXHASH = np.uint64(0xC2B2AE3D27D4EB4F)
"""xxHash's second 64-bit prime (Collet)"""
DEGSKI = np.uint64(0xD6E8FEB86659FD93)
"""the factor of Degski's 64-bit mixer"""
EVENSEN = np.uint64(0x9FB21C651E98DF25)
"""the factor of Evensen's rrmxmx"""
FXHASH = np.uint64(0x517CC1B727220A95)
"""2^64 divided by pi, odd: the factor of FxHash (Firefox, rustc)"""
PI_1, PI_2, PI_3 = np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344), np.uint64(0xA4093822299F31D0)
"""the first binary digits of pi behind the point: where hashes start from that need numbers without a meaning"""
KNUTH = np.uint64(0x5851F42D4C957F2D)
"""the factor of Knuth's linear congruential generator MMIX: likewise"""
FNV_OFFSET, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
"""of FNV-1a with 64 bits (Fowler, Noll, Vo)"""
FASTTEXT_START = np.uint64(2166136261)
"""the offset of FNV-1a with 32 bits"""


def hash64_array(values: UInt64) -> UInt64:
    """`hash64` of each value of an array (uint64)."""
    values = (values ^ (values >> np.uint64(30))) * SPLITMIX_1
    values = (values ^ (values >> np.uint64(27))) * SPLITMIX_2
    return values ^ (values >> np.uint64(31))


hash64 = inline(hash64_array)
"""The output function of SplitMix64 (uint64 to uint64): a bijection that scatters its values well."""


FEW = 16
"""so many numbers are hashed by numpy: for a single document nobody need wait for numba"""


def hash64_with(hashes: UInt64, salts: Int64) -> UInt64:
    """A fresh 64-bit hash of each pair (hash, salt): the order key of copy `salt` of a document, for one."""
    if len(hashes) <= FEW:
        return hash64_array(hashes + (salts.astype(np.uint64) + np.uint64(1)) * GOLDEN)
    found: UInt64 = _hash64_with(hashes, salts)
    return found


@entry()
def _hash64_with(hashes: UInt64, salts: Int64) -> UInt64:
    out = np.empty(len(hashes), np.uint64)
    for i in range(len(hashes)):
        out[i] = hash64(hashes[i] + (np.uint64(salts[i]) + np.uint64(1)) * GOLDEN)
    return out


@entry()
def hash_strings(data: Bytes, offsets: Offsets, seed: np.uint64) -> UInt64:
    """A 64-bit hash of each string data[offsets[i]:offsets[i + 1]]: FNV-1a of its bytes, mixed with the seed."""
    count = len(offsets) - 1
    out = np.empty(count, np.uint64)
    start = hash64(seed + GOLDEN)
    for i in range(count):
        value = FNV_OFFSET
        for k in range(offsets[i], offsets[i + 1]):
            value = (value ^ np.uint64(data[k])) * FNV_PRIME
        out[i] = hash64(hash64(value) ^ start)
    return out


def hash_string(text: str, seed: int) -> int:
    """`hash_strings` of one string, in plain Python: for whoever looks up a single one and need not wait for numba."""
    value = int(FNV_OFFSET)
    for byte in text.encode("utf-8"):
        value = (value ^ byte) * int(FNV_PRIME) & (1 << 64) - 1
    start = hash64_array(np.array([seed], np.uint64) + GOLDEN)
    return int(hash64_array(hash64_array(np.array([value], np.uint64)) ^ start)[0])


@inline
def quick_hash64(value):  # type: ignore[no-untyped-def]
    """Spread every bit of a uint64 over all of it, with one multiplication (half of MurmurHash3's finalizer)."""
    value = (value ^ (value >> np.uint64(33))) * MURMUR_1
    return value ^ (value >> np.uint64(33))


@inline
def murmur_hash64(value):  # type: ignore[no-untyped-def]
    """MurmurHash3's finalizer (uint64 to uint64), a bijection."""
    value = (value ^ value >> np.uint64(33)) * MURMUR_1
    value = (value ^ value >> np.uint64(33)) * MURMUR_2
    return value ^ value >> np.uint64(33)


def hash_character_array(codes: UInt64) -> UInt64:
    """`hash_character` of each code point of an array (uint64)."""
    values = codes * GOLDEN + np.uint64(0x632BE59BD9B4E019)
    values = (values ^ (values >> np.uint64(32))) * DEGSKI
    return values ^ (values >> np.uint64(32))


hash_character = inline(hash_character_array)
"""The hash of a folded code point (uint64 to uint64); never 0 for a code point."""


@inline
def absorb_word(low, high, word):  # type: ignore[no-untyped-def]
    """Take 8 bytes (uint64) into two lanes. Each step is a bijection of its lane, so texts of equal length that differ
    in one word can't meet there; the lanes differ in their factors and rotations."""
    low = (low ^ word) * GOLDEN
    low = low ^ (low >> np.uint64(29))
    high = (high + word) * XXHASH
    high = (high << np.uint64(31)) | (high >> np.uint64(33))
    return low, high


@inline
def hash_context(texts, start, end):  # type: ignore[no-untyped-def]
    """A hash of texts[start:end], 16 bytes or more: two lanes of 8 bytes a step, the last 16 bytes once more."""
    low, high = PI_1, PI_2
    i = start
    while i + 16 <= end:
        low = (low ^ load64(texts, i)) * GOLDEN
        high = (high ^ load64(texts, i + 8)) * XXHASH
        low, high = low ^ (low >> np.uint64(32)), high ^ (high >> np.uint64(29))
        i += 16
    low = (low ^ load64(texts, end - 16)) * GOLDEN
    high = (high ^ load64(texts, end - 8)) * XXHASH
    return quick_hash64(low ^ quick_hash64(high + np.uint64(end - start)))


@jit
def hash_token(data, start, end):  # type: ignore[no-untyped-def]
    """A hash of data[start:end]: of its length and its bytes, eight a step."""
    value = FNV_OFFSET + np.uint64(end - start)
    i = start
    while i < end:
        block = np.uint64(0)
        for k in range(min(8, end - i)):
            block |= np.uint64(data[i + k]) << np.uint64(8 * k)
        value = extend_token(value, block)
        i += 8
    return value


@inline
def extend_token(value, block):  # type: ignore[no-untyped-def]
    """`hash_token` so far, and up to eight more bytes (uint64, little-endian)."""
    value = (value ^ block) * GOLDEN
    return value ^ value >> np.uint64(32)


def hash_token_text(word: str) -> int:
    """`hash_token` of a string, in plain Python: for tables that kernels look tokens up in."""
    data = word.encode("utf-8")
    value = int(FNV_OFFSET) + len(data) & (1 << 64) - 1
    for start in range(0, len(data), 8):
        value = (value ^ int.from_bytes(data[start : start + 8], "little")) * int(GOLDEN) & (1 << 64) - 1
        value ^= value >> 32
    return value


@inline
def extend_ngram(gram, value):  # type: ignore[no-untyped-def]
    """The hash of an n-gram and one more token."""
    gram = (gram ^ (gram >> np.uint64(29))) * SPLITMIX_1 + value
    return gram ^ (gram >> np.uint64(32))


@jit
def hash_line(data, start, end):  # type: ignore[no-untyped-def]
    """A hash of data[start:end], eight bytes a step; never 0."""
    value = np.uint64(end - start + 1) * GOLDEN
    i = start
    while i + 8 <= end:
        value = (value ^ load64(data, i)) * MURMUR_1
        value ^= value >> np.uint64(32)
        i += 8
    while i < end:
        value = (value ^ np.uint64(data[i])) * SPLITMIX_1
        value ^= value >> np.uint64(29)
        i += 1
    return value | np.uint64(1)


@inline
def hash_url_byte(value, byte):  # type: ignore[no-untyped-def]
    """The hash of a part of a URL so far, and one more byte."""
    return (value ^ np.uint64(byte)) * EVENSEN ^ (value >> np.uint64(32))


@inline
def hash_url_key(value, kind):  # type: ignore[no-untyped-def]
    """The key of a part of a URL: never 0, different for the kinds."""
    value = (value ^ (value >> np.uint64(29))) * SPLITMIX_1 + np.uint64(kind)
    value = (value ^ (value >> np.uint64(32))) * SPLITMIX_2
    return value ^ (value >> np.uint64(29)) | np.uint64(1)


@inline
def hash_piece(text, start, n, size, seed):  # type: ignore[no-untyped-def]
    """A hash of the n bytes from `start`; never 0. `size` is the end of what may be read."""
    value, p, end = seed ^ np.uint64(n) * FXHASH, start, start + n
    while p + 8 <= end:
        value = ((value << np.uint64(5) | value >> np.uint64(59)) ^ load64(text, p)) * FXHASH
        p += 8
    if p < end:
        value = ((value << np.uint64(5) | value >> np.uint64(59)) ^ _tail(text, p, end - p, size)) * FXHASH
    return (value ^ value >> np.uint64(29)) | np.uint64(1)


@inline
def _tail(text, p, n, size):  # type: ignore[no-untyped-def]
    """The 1 to 7 bytes from p as one word; `size` is the end of what may be read."""
    if p + 8 <= size:
        return load64(text, p) & np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - 8 * n)
    word = np.uint64(0)
    for i in range(n):
        word |= np.uint64(text[p + i]) << np.uint64(8 * i)
    return word


@inline
def hash_long_piece(text, start, n):  # type: ignore[no-untyped-def]
    """A hash of the n bytes from `start`, 8 or more; never 0."""
    value, p, last = np.uint64(n), start, start + n - 8
    while p < last:
        value = ((value << np.uint64(25) | value >> np.uint64(39)) ^ load64(text, p)) * GOLDEN
        p += 8
    value = ((value << np.uint64(25) | value >> np.uint64(39)) ^ load64(text, last)) * GOLDEN
    return (value ^ value >> np.uint64(29)) | np.uint64(1)


@inline
def hash_fasttext_byte(value: np.uint64, byte: np.uint8) -> np.uint64:
    """One step of fastText's 32-bit FNV-1a, which takes bytes as signed: those over 127 flip the upper bits too."""
    extended = np.uint64(byte)
    if byte >= 128:
        extended |= np.uint64(0xFFFFFF00)
    return ((value ^ extended) * np.uint64(16777619)) & np.uint64(0xFFFFFFFF)


def hash_fasttext_token(token: bytes) -> int:
    """fastText's hash of a token (Dictionary::hash), in plain Python."""
    value = int(FASTTEXT_START)
    for byte in token:
        value = ((value ^ (byte | 0xFFFFFF00 if byte >= 128 else byte)) * 16777619) & 0xFFFFFFFF
    return value
