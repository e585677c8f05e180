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

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.fasttext.dictionary import word_tables
from dspipe.kernels.fasttext.features import IS_SEPARATOR, WAITING, Scratch, document_vector
from dspipe.kernels.fasttext.model import FastTextModel, Float32, Int32
from dspipe.kernels.fasttext.output import classify, probabilities
from dspipe.kernels.fasttext.tables import (
    feature_tables,
    numbers_of,
    output_layer,
    raw_tables,
    raw_token_cache,
    token_cache,
)
from dspipe.kernels.jit import entry, inline


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


@inline
def _new_scratch(numbers):  # type: ignore[no-untyped-def]
    return Scratch(
        np.zeros(numbers.dim, np.float32),
        np.zeros(numbers.dim, np.float32),
        np.zeros(numbers.word_ngrams, np.uint64),
        np.empty(WAITING + numbers.word_ngrams + 1, np.int64),
        np.empty(WAITING, np.int64),
    )


@entry("cache", "label_out", "score_out")
def _predict_batch(  # type: ignore[no-untyped-def]
    data, offsets, bound, sure, wanted, numbers, tables, output, cache, label_out, score_out,
):  # fmt: skip
    """Classify the documents data[offsets[i]:offsets[i + 1]]; `wanted`: a label's number, -1 for the best one."""
    features_of, seen = raw_tables(tables), raw_token_cache(cache)
    scratch = _new_scratch(numbers)
    hidden = scratch.hidden
    scores, stack = np.zeros(2 * numbers.labels + 2), np.zeros(2 * numbers.labels + 2, np.int64)
    for document in range(len(offsets) - 1):
        start, last = offsets[document], offsets[document + 1]
        reach = bound
        while True:
            end = _document_end(data, start, last, reach)
            features = document_vector(scratch, data, start, end, numbers, features_of, seen)
            best, score = np.int64(-1), np.nan
            if features > 0:
                scale = np.float32(1.0) / np.float32(features)
                for k in range(numbers.dim):
                    hidden[k] *= scale
                best, score = classify(hidden, output, numbers, scores, stack, wanted)
            if end == last or score >= sure:
                break
            reach *= 4
        label_out[document], score_out[document] = best, score


@entry("cache", "out")
def _probabilities_batch(data, offsets, bound, numbers, tables, output, cache, out):  # type: ignore[no-untyped-def]
    """The probability of every label for each document, as `_predict_batch` has it for one."""
    features_of, seen = raw_tables(tables), raw_token_cache(cache)
    scratch = _new_scratch(numbers)
    hidden = scratch.hidden
    scores, stack = np.zeros(2 * numbers.labels + 2), np.zeros(2 * numbers.labels + 2, np.int64)
    for document in range(len(offsets) - 1):
        end = _document_end(data, offsets[document], offsets[document + 1], bound)
        features = document_vector(scratch, data, offsets[document], end, numbers, features_of, seen)
        if features == 0:
            out[document] = np.nan
            continue
        scale = np.float32(1.0) / np.float32(features)
        for k in range(numbers.dim):
            hidden[k] *= scale
        probabilities(hidden, output, numbers, scores, stack, out[document])


@dataclass(frozen=True)
class Prediction:
    """label: int32 [documents], the label's number, -1 where the document has no known feature; score: float32, its
    probability, NaN where it has none (fastText's own, which may exceed 1 by about 1e-5)."""

    label: Int32
    score: Float32


class Classifier:
    """A model ready for `predict`. Holds a cache of token sums, so one thread at a time may use it."""

    def __init__(self, model: FastTextModel) -> None:
        self.labels = model.labels
        words = word_tables(model.dictionary, model.words)
        self._numbers = numbers_of(model, words)
        self._tables = feature_tables(model, self._numbers, words)
        self._output = output_layer(model)
        self._cache = token_cache(model)

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
        model = self._numbers, self._tables, self._output, self._cache
        _predict_batch(data, offsets, bound, float(sure), wanted, *model, result.label, result.score)
        return result

    def probabilities(self, data: Bytes, offsets: Offsets, bound: int = 0) -> Float32:
        """The probability of every label for each document, float32 [documents, labels]; NaN where it has no known
        feature. With `bound` above 0 about so many bytes of each are read."""
        out = np.empty((len(offsets) - 1, len(self.labels)), np.float32)
        _probabilities_batch(data, offsets, bound, self._numbers, self._tables, self._output, self._cache, out)
        return out
