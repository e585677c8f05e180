"""The score from which on the best pages make so many tokens: exact, by two passes over the scores."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from dspipe.stages.quality.recall.corpus import Progress
from dspipe.stages.quality.recall.decisions import OPEN, TAKEN, Decisions
from dspipe.stages.quality.recall.scoring import Scores

_HALF = 1 << 16


def find_threshold(
    scores: Scores, decisions: Decisions, keep_tokens: int, bytes_per_token: float, progress: Progress
) -> float:
    """The lowest score such that the open pages with it or more, and all taken ones, have at most `keep_tokens`; where
    even the best score has more, that one. 2 where nothing fits, or nothing has a score."""
    corpus = scores.corpus

    def histogram(shard: int, above: int | None) -> tuple[npt.NDArray[np.float64], float]:
        """Tokens by the upper 16 bits of the scores, or by the lower ones where the upper are `above`; and of taken
        pages."""
        found = scores.read(shard)
        weights = found.weights(bytes_per_token)
        urls = (kept.batch.column("url") for kept in corpus.read(["url"], shard))
        decided = np.concatenate([np.empty(0, np.int8), *map(decisions.of, urls)])
        chosen = (decided == OPEN) & (found.scores >= 0)
        counts: npt.NDArray[np.float64]
        bits = found.scores[chosen].view(np.uint32)
        upper, lower, weight = bits >> 16, bits & (_HALF - 1), weights[chosen]
        if above is None:
            counts = np.bincount(upper, weight, minlength=_HALF).astype(np.float64)
        else:
            counts = np.bincount(lower[upper == above], weight[upper == above], minlength=_HALF).astype(np.float64)
        return counts, float(weights[decided == TAKEN].sum())

    coarse, taken = _added(corpus.each_shard(lambda shard: histogram(shard, None), progress))
    budget = keep_tokens - taken
    if budget <= 0 or not coarse.any():
        return 2.0
    held = np.cumsum(coarse[::-1])[::-1]
    too_much = np.flatnonzero((held > budget) & (coarse > 0))
    if not len(too_much):
        return 0.0
    # the scores with these upper bits fit in part only
    cut = int(too_much[-1])
    fine, _ = _added(corpus.each_shard(lambda shard: histogram(shard, cut), progress))
    left = budget - (held[cut] - coarse[cut])
    fits = np.flatnonzero((np.cumsum(fine[::-1])[::-1] <= left) & (fine > 0))
    if len(fits):
        return _score(cut, int(fits[0]))
    return _score(cut + 1, 0) if held[cut] > coarse[cut] else _score(cut, int(np.flatnonzero(fine)[-1]))


def _added(parts: Iterable[tuple[npt.NDArray[np.float64], float]]) -> tuple[npt.NDArray[np.float64], float]:
    total, taken = np.zeros(_HALF), 0.0
    for counts, of_taken in parts:
        total += counts
        taken += of_taken
    return total, taken


def _score(upper: int, lower: int) -> float:
    return float(np.array([(upper << 16) | lower], np.uint32).view(np.float32)[0])
