"""A fastText model as the kernels see it: its numbers, the tables that features are looked up in, the output layer.

NamedTuples of arrays are handed over by Python and unpacked before loops; the Raw ones are pointers to their arrays,
made once a batch, since arrays in tuples cost a reference count at each use (kernels.jit).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.fasttext.dictionary import WordTables, find_word
from dspipe.kernels.fasttext.model import FastTextModel, Float32, Int32
from dspipe.kernels.fasttext.output import HIERARCHICAL, SIGMOID, SOFTMAX, OutputLayer, huffman_tree
from dspipe.kernels.jit import inline, pointer

Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

EOS = b"</s>"
_CACHE_FLOATS = 1 << 19
_CACHE_WORDS = 1 << 15


class Numbers(NamedTuple):
    """The model's numbers. word_ngrams and buckets are at least 1, so that both can be divided by."""

    dim: int
    min_n: int
    max_n: int
    word_ngrams: int
    buckets: int
    words: int
    pruned_slots: int
    """slots of the table of the n-grams that survived pruning, a power of two; 0 for a model that wasn't pruned"""
    labels: int
    loss: int
    """HIERARCHICAL, SOFTMAX or SIGMOID (kernels.fasttext.output)"""
    eos: int
    """number of the end-of-sentence token, -1 for none"""
    has_ngram_rows: int
    """whether n-grams have rows in the matrix at all"""


class FeatureTables(NamedTuple):
    """What a document's features are looked up in.

    inputs         float32 [rows * dim]: the rows of words, then those of n-grams
    slots, hashes, word_data, word_offsets: those of WordTables
    kept_bits      uint64: a bit for each bucket that survived pruning (most n-grams of a text did not)
    kept_rows      int32 [2 * pruned_slots]: open addressing from a bucket to its row, as (bucket, row), -1 is free
    """

    inputs: Float32
    slots: Int32
    hashes: UInt64
    word_data: Bytes
    word_offsets: Int64
    kept_bits: UInt64
    kept_rows: Int32


class RawTables(NamedTuple):
    """Pointers to the arrays of FeatureTables, and the mask of their slots."""

    inputs: Float32
    slots: Int32
    hashes: UInt64
    word_data: Bytes
    word_offsets: Int64
    kept_bits: UInt64
    kept_rows: Int32
    slot_mask: int


class TokenCache(NamedTuple):
    """Tokens of up to 16 bytes that were seen, each in the slot of its hash.

    keys      uint64 [2 * entries], the token's bytes; 0 is free
    hashes    uint64 [entries], fastText's hash of the token
    numbers   int64 [entries]: how many features it has, or without subwords its number in the dictionary (-1 for none)
    sums      float32 [entries * dim], the sum of its rows; [1] without subwords
    """

    keys: UInt64
    hashes: UInt64
    numbers: Int64
    sums: Float32


class RawTokenCache(NamedTuple):
    """Pointers to the arrays of TokenCache, and the mask of its entries."""

    keys: UInt64
    hashes: UInt64
    numbers: Int64
    sums: Float32
    mask: np.uint64


@inline
def raw_tables(tables: FeatureTables) -> RawTables:
    """Pointers to the arrays; the caller keeps them alive."""
    return RawTables(
        pointer(tables.inputs),
        pointer(tables.slots),
        pointer(tables.hashes),
        pointer(tables.word_data),
        pointer(tables.word_offsets),
        pointer(tables.kept_bits),
        pointer(tables.kept_rows),
        len(tables.slots) - 1,
    )


@inline
def raw_token_cache(cache: TokenCache) -> RawTokenCache:
    """Pointers to the arrays; the caller keeps them alive."""
    return RawTokenCache(
        pointer(cache.keys),
        pointer(cache.hashes),
        pointer(cache.numbers),
        pointer(cache.sums),
        np.uint64(len(cache.numbers) - 1),
    )


def numbers_of(model: FastTextModel, words: WordTables) -> Numbers:
    """The numbers of a model with these words."""
    pruned = 0 if model.pruned is None else len(model.pruned)
    return Numbers(
        dim=model.dim,
        min_n=model.min_n,
        max_n=model.max_n,
        word_ngrams=max(model.word_ngrams, 1),
        buckets=max(model.buckets, 1),
        words=model.words,
        pruned_slots=_power_of_two(2 * pruned) if pruned else 0,
        labels=len(model.labels),
        loss={"hs": HIERARCHICAL, "softmax": SOFTMAX}.get(model.loss, SIGMOID),
        eos=find_word(words, EOS),
        has_ngram_rows=int(model.buckets > 0 and (model.pruned is None or pruned > 0)),
    )


def feature_tables(model: FastTextModel, numbers: Numbers, words: WordTables) -> FeatureTables:
    """The tables of a model with these words."""
    kept_bits, kept_rows = np.zeros(1, np.uint64), np.zeros(2, np.int32)
    if model.pruned is not None and numbers.pruned_slots:
        kept_bits, kept_rows = _kept_buckets(model.pruned, model.buckets, numbers.pruned_slots)
    return FeatureTables(
        inputs=model.inputs.reshape(-1),
        **words._asdict(),
        kept_bits=kept_bits,
        kept_rows=kept_rows,
    )


def output_layer(model: FastTextModel) -> OutputLayer:
    """The output layer of a model."""
    counts = model.counts if model.loss == "hs" else np.ones(len(model.labels), np.int64)
    return OutputLayer(model.outputs.reshape(-1), *huffman_tree(counts))


def token_cache(model: FastTextModel) -> TokenCache:
    """An empty cache of 2 MB of sums: within the second-level cache, and enough for the words a text is made of."""
    subwords = model.max_n > 0
    entries = max(1024, _power_of_two(_CACHE_FLOATS // model.dim)) if subwords else _CACHE_WORDS
    return TokenCache(
        keys=np.zeros(2 * entries, np.uint64),
        hashes=np.zeros(entries, np.uint64),
        numbers=np.zeros(entries, np.int64),
        sums=np.zeros(entries * model.dim if subwords else 1, np.float32),
    )


def _power_of_two(at_least: int) -> int:
    return 1 << max(at_least - 1, 1).bit_length()


def _kept_buckets(pruned: Int32, buckets: int, size: int) -> tuple[UInt64, Int32]:
    bits = np.zeros(buckets // 64 + 1, np.uint64)
    keys, rows = pruned[:, 0].astype(np.uint64), pruned[:, 1].tolist()
    np.bitwise_or.at(bits, (keys >> np.uint64(6)).astype(np.int64), np.uint64(1) << (keys & np.uint64(63)))
    table = np.full((size, 2), -1, np.int32)
    used = [False] * size
    for key, row in zip(keys.tolist(), rows, strict=True):
        slot = key & (size - 1)
        while used[slot]:
            slot = (slot + 1) & (size - 1)
        used[slot] = True
        table[slot] = key, row
    return bits, table.reshape(-1)
