"""fastText classification over Arrow buffers: fastText's own labels and probabilities, no string per document.

A document is the sum of its features' rows, divided by their number (Joulin et al., "Bag of Tricks for Efficient Text
Classification", 2016). Features are, per token: its row if it is in the dictionary, the rows of its character n-grams,
and word n-grams. What makes this fast is that a token's contribution is always the same vector, and that tokens repeat:
the sums of short tokens are kept in a cache, so that most tokens cost one look-up and one addition of `dim` floats.
A cached sum is the sum that would be computed, so results do not depend on what the cache holds. Without subwords the
cache holds the tokens' numbers; then rows are listed and prefetched before they are added, 64 at a time, which made
word pairs in 100 dimensions three times as fast.

Line breaks separate tokens like blanks, and the end-of-sentence token is added once, at the end of the document: what
fastText's predict gives for the text with its line breaks replaced by blanks.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.fasttext.features import EOS, IS_SEPARATOR, WAITING, document_vector, fnv
from dspipe.kernels.fasttext.model import FastTextModel, Float32, Int32
from dspipe.kernels.fasttext.output import HIERARCHICAL, SIGMOID, SOFTMAX, classify, huffman_tree
from dspipe.kernels.jit import inline, jit

UInt64 = npt.NDArray[np.uint64]

_CACHE_FLOATS = 1 << 19
_CACHE_WORDS = 1 << 15


@inline
def _document_end(data, start, end, bound):  # type: ignore[no-untyped-def]
    """Where reading stops: before the first blank at or after `bound` bytes if one is near, else at a character."""
    if bound == 0 or end - start <= bound:
        return end
    stop = start + bound
    for at in range(stop, min(stop + 64, end)):
        if IS_SEPARATOR[data[at]]:
            return np.int64(at)
    while stop > start and data[stop] & 0xC0 == 0x80:
        stop -= 1
    return np.int64(stop)


@jit
def predict_batch(  # type: ignore[no-untyped-def]
    data, offsets, bound, sure, wanted, numbers, inputs, outputs, slots, hashes, word_data, word_offsets,
    filter_bits, table, children, parents, cache_keys, cache_hashes, cache_numbers, cache_sums, label_out, score_out,
):  # fmt: skip
    """Classify the documents data[offsets[i]:offsets[i + 1]]; see `Classifier` for the arrays."""
    dim, word_ngrams, labels = numbers[0], numbers[3], numbers[7]
    hidden, token_sum = np.zeros(dim, np.float32), np.zeros(dim, np.float32)
    scratch, stack = np.zeros(2 * labels + 2), np.zeros(2 * labels + 2, np.int64)
    partial = np.zeros(word_ngrams, np.uint64)
    rows, token_rows = np.empty(WAITING + word_ngrams + 1, np.int64), np.empty(WAITING, np.int64)
    for document in range(len(offsets) - 1):
        start, last = offsets[document], offsets[document + 1]
        reach = bound
        while True:
            end = _document_end(data, start, last, reach)
            features = document_vector(
                hidden, token_sum, partial, rows, token_rows, data, start, end, numbers, inputs, slots, hashes,
                word_data, word_offsets, filter_bits, table, cache_keys, cache_hashes, cache_numbers, cache_sums,
            )  # fmt: skip
            best, score = np.int64(-1), np.nan
            if features > 0:
                scale = np.float32(1.0) / np.float32(features)
                for k in range(dim):
                    hidden[k] *= scale
                best, score = classify(hidden, outputs, numbers, children, parents, scratch, stack, wanted)
            if end == last or score >= sure:
                break
            reach *= 4
        label_out[document], score_out[document] = best, score


@dataclass(frozen=True)
class Prediction:
    """label: int32 [documents], the label's number, -1 where the document has no known feature; score: float32, its
    probability, NaN there (fastText's own, which may exceed 1 by about 1e-5)."""

    label: Int32
    score: Float32


class Classifier:
    """A model ready for `predict`. Holds a cache of token sums, so one thread at a time may use it."""

    def __init__(self, model: FastTextModel) -> None:
        self.labels = model.labels
        words, labels = len(model.words), len(model.labels)
        pruned_slots = 0
        self._filter, self._table = np.zeros(1, np.uint64), np.zeros(2, np.int32)
        if model.pruned is not None and len(model.pruned):
            pruned_slots = _power_of_two(2 * len(model.pruned))
            self._filter, self._table = _prune_table(model.pruned, model.buckets, pruned_slots)
        with_buckets = model.buckets > 0 and (model.pruned is None or len(model.pruned) > 0)
        loss = {"hs": HIERARCHICAL, "softmax": SOFTMAX}.get(model.loss, SIGMOID)
        eos = model.words.index(EOS) if EOS in model.words else -1
        numbers = [
            model.dim, model.min_n, model.max_n, max(model.word_ngrams, 1), max(model.buckets, 1),
            words, pruned_slots, labels, loss, eos, with_buckets,
        ]  # fmt: skip
        self._numbers = np.array(numbers, np.int64)
        self._inputs, self._outputs = model.inputs.reshape(-1), model.outputs.reshape(-1)
        self._hashes = np.array([fnv(word) for word in model.words], np.uint64)
        self._slots = _word_slots(self._hashes)
        self._word_data = np.frombuffer(b"".join(model.words) or b"\0", np.uint8)
        self._word_offsets = np.cumsum([0, *map(len, model.words)], dtype=np.int64)
        counts = model.counts if model.loss == "hs" else np.ones(labels, np.int64)
        self._children, self._parents = huffman_tree(counts)
        # 2 MB of sums: within the second-level cache, and enough for the words that a text is made of
        subwords = model.max_n > 0
        entries = max(1024, _power_of_two(_CACHE_FLOATS // model.dim)) if subwords else _CACHE_WORDS
        self._cache_keys, self._cache_hashes = np.zeros(2 * entries, np.uint64), np.zeros(entries, np.uint64)
        self._cache_numbers = np.zeros(entries, np.int64)
        self._cache_sums = np.zeros(entries * model.dim if subwords else 1, np.float32)

    def predict(
        self, data: Bytes, offsets: Offsets, bound: int = 0, sure: float = 0.0, label: str | None = None
    ) -> Prediction:
        """Best label of each document (of `kernels.arrow.text_buffers`), or the probability of `label`.

        With `bound` above 0, of a longer document only about its first `bound` bytes are read (up to the next blank)
        if their score is `sure` or more; else four times as many, and so on.
        """
        wanted = -1 if label is None else self.labels.index(label)
        documents = len(offsets) - 1
        result = Prediction(np.empty(documents, np.int32), np.empty(documents, np.float32))
        if documents == 0:  # arrays without rows are writable: kernels would be compiled anew for them
            return result
        predict_batch(
            data, offsets, bound, float(sure), wanted, self._numbers, self._inputs, self._outputs, self._slots,
            self._hashes, self._word_data, self._word_offsets, self._filter, self._table, self._children, self._parents,
            self._cache_keys, self._cache_hashes, self._cache_numbers, self._cache_sums, result.label, result.score,
        )  # fmt: skip
        return result


def _power_of_two(at_least: int) -> int:
    return 1 << max(at_least - 1, 1).bit_length()


def _word_slots(hashes: UInt64) -> Int32:
    """Open-addressing table (linear probing) from hash to word number; -1 is free."""
    size = _power_of_two(2 * len(hashes) + 2)
    slots = [-1] * size
    for word, h in enumerate(hashes.tolist()):
        slot = h & (size - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = word
    return np.array(slots, np.int32)


def _prune_table(pruned: Int32, buckets: int, size: int) -> tuple[UInt64, Int32]:
    """A bit per bucket (most n-grams of a text are pruned), and an open-addressing table from bucket to row."""
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
