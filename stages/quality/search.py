"""The settings of a quality classifier, chosen by the documents that were kept aside for it.

A few settings are tried one after the other, always the same ones, on at most SEARCH_BYTES of text. The measure is the
log loss: the area under the ROC curve doesn't see that all scores are 0.500, and accuracy doesn't see the difference
between 0.51 and 0.99. First the learning rate and the number of epochs, with a model of a few megabytes; then a larger
model, which is taken only where it is better by more than chance, and by more than a little.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dspipe.stages.quality.measures import Float64

RATES_AND_EPOCHS = ((0.5, 5), (0.5, 25), (0.1, 25), (1.0, 25), (0.5, 60))
"""in this order; later ones count where they save LEAST"""
SMALL, LARGE = (16, 50_000), (64, 400_000)
"""dim and buckets: 3 MB and 102 MB of n-grams, and the words besides"""
MAX_WORDS = 50_000
"""words with vectors of their own, about"""
LETTERS_IN_A_WORD = 12
"""more than that, on average, are no words: a script without blanks between them"""
ERRORS_APART = 2.0
"""standard errors of the difference by which a larger model must be better"""
LEAST = 0.005
"""loss of a document that other settings must save, and ENOUGH below which none are tried: 0.01 is 99 % certain"""
ENOUGH = 0.01
MIN_EPOCHS = 3


@dataclass(frozen=True)
class Choice:
    """Settings of a training."""

    learning_rate: float
    epochs: int
    dim: int
    buckets: int
    word_ngrams: int
    subwords: bool
    min_count: int

    def options(self) -> dict[str, Any]:
        """As the arguments of `fasttext.train_supervised`."""
        sizes = {"minn": 2, "maxn": 5} if self.subwords else {"minn": 0, "maxn": 0}
        return {"wordNgrams": self.word_ngrams, "dim": self.dim, "epoch": self.epochs, "lr": self.learning_rate,
                "minCount": self.min_count, "bucket": self.buckets, **sizes}  # fmt: skip

    def describe(self) -> str:
        """In words."""
        size = f"dim {self.dim}, {self.buckets:,} buckets{', character n-grams' if self.subwords else ''}"
        return f"learning rate {self.learning_rate:g}, {self.epochs} epochs, {size}"


@dataclass(frozen=True)
class Given:
    """What the user has set; None: to be chosen."""

    learning_rate: float | None
    epochs: int | None
    dim: int | None
    buckets: int | None
    word_ngrams: int
    subwords: bool | None
    min_count: int | None


def list_first(given: Given, words: Counter[str], share: float) -> list[Choice]:
    """The settings to try first, the learning rate and epochs apart all the same.

    words, share    of the text that they are tried on, as in `stages.quality.documents.Split`
    """
    subwords = given.subwords
    if subwords is None:
        letters = sum(len(word) * count for word, count in words.items())
        subwords = letters > LETTERS_IN_A_WORD * words.total()
    min_count = given.min_count
    if min_count is None:
        counts = sorted(words.values(), reverse=True)
        at_border = counts[MAX_WORDS] + 1 if len(counts) > MAX_WORDS else 2
        min_count = max(2, round(at_border / share))
    pairs = dict.fromkeys((given.learning_rate or rate, given.epochs or epochs) for rate, epochs in RATES_AND_EPOCHS)
    dim, buckets = given.dim or SMALL[0], given.buckets or SMALL[1]
    return [Choice(rate, epochs, dim, buckets, given.word_ngrams, subwords, min_count) for rate, epochs in pairs]


def find_larger(best: Choice, given: Given) -> Choice | None:
    """The larger model to try after the best of the first, if its size was left open."""
    larger = replace(best, dim=given.dim or LARGE[0], buckets=given.buckets or LARGE[1])
    return larger if larger != best else None


def choose(given: Given, first: list[Choice], losses_of: Callable[[Choice], Float64]) -> Choice:
    """The best settings by what `losses_of` gives: the losses of the same documents each time."""
    if len(first) == 1 and find_larger(first[0], given) is None:
        return first[0]
    best, least = first[0], losses_of(first[0])
    for choice in first[1:]:
        if least.mean() > ENOUGH and (found := losses_of(choice)).mean() < least.mean() - LEAST:
            best, least = choice, found
    larger = find_larger(best, given)
    if larger is None or least.mean() <= ENOUGH:
        return best
    return larger if _pays(least, losses_of(larger)) else best


def _pays(small: Float64, large: Float64) -> bool:
    """Whether the losses of a larger model are worth it."""
    saved = small - large
    error = saved.std(ddof=1) / np.sqrt(len(saved)) if len(saved) > 1 else np.inf
    return bool(saved.mean() > max(ERRORS_APART * error, LEAST))


def scale_up(choice: Choice, given: Given, share: float) -> Choice:
    """The settings for all documents, when they were chosen on a share of them: as many steps, if that is no fewer than
    MIN_EPOCHS epochs."""
    if given.epochs is not None:
        return choice
    return replace(choice, epochs=min(choice.epochs, max(MIN_EPOCHS, round(choice.epochs * share))))
