"""What is far from the others: groups of documents, scores that say nothing, slow shards.

What "far" means is the same everywhere: far from what the group of the others' median document has, so that one odd
group among few makes no others odd. Small groups can't be far, nor can one that has half of all documents: it is
what the others are compared with.

    drop rate      a group of at least MIN_DOCUMENTS whose rate differs from that of the others by MIN_POINTS (15 %
                   points) and not by chance (two proportions, |z| at least MIN_Z)
    length         the median is at least twice, or at most half, that of the others
    languages      the share of documents that would have to have another language for the mix to be that of the others
                   (total variation distance) is at least MIN_MIX
    scores         the range from the 5th to the 95th percentile is at least three times, or at most a third, that of
                   the others, and MIN_SPREAD_APART from it
    slow shards    more than MIN_SLOWNESS times the median seconds a MB, and MIN_SECONDS longer than at that median

Where there are MANY groups or more, a group must also be outside the groups' own scatter: more than MIN_ROBUST_Z robust
deviations (0.6745 (x - median) / MAD, Iglewicz and Hoaglin 1993) from their median. A column of scores says nothing
where the 5th and the 95th percentile are less than MIN_SPREAD apart, or more than FULL_BUCKET of the documents are in
one of twenty buckets.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.inspection.groups import UNKNOWN, Grouping
from dspipe.pipeline.inspection.histograms import Histogram
from dspipe.pipeline.inspection.shard_work import ShardWork

Floats = npt.NDArray[np.float64]

MIN_DOCUMENTS, MIN_SAMPLED = 50, 50
MIN_POINTS, MIN_Z = 0.15, 5.0
MIN_FACTOR = 2.0
MIN_MIX = 0.3
MIN_SPREAD_FACTOR, MIN_SPREAD_APART = 3.0, 0.1
MANY, MIN_ROBUST_Z = 8, 3.5
MIN_SPREAD, FULL_BUCKET = 0.03, 0.9
MIN_SLOWNESS, MIN_SECONDS = 3.0, 2.0
_MOST_GROUPS = 500
"""the largest ones are compared by their sampled documents"""
_EACH_KIND = 12
"""of one kind and grouping so many are told, the farthest first"""

Kind = Literal["drop rate", "length", "languages", "score spread", "score", "slow shard"]


@dataclass(frozen=True)
class Anomaly:
    """One thing that is far from the others."""

    kind: Kind
    of: str
    """`source`, `domain`, `language`, `dump`, `host`, `shard`, `score`"""
    name: str
    says: str
    """what is the matter, in a sentence"""
    value: float
    others: float
    """what it is elsewhere"""
    documents: int
    size: float
    """how far, for the order: 1 is what is just told"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def robust_z(values: Floats) -> Floats:
    """How many robust deviations each value is from the median. Where more than half are equal, the mean deviation
    stands for the median one (and 0 is returned where all are)."""
    off = values - np.median(values)
    deviation = float(np.median(np.abs(off))) / 0.6745
    if deviation == 0:
        deviation = float(np.mean(np.abs(off))) * 1.2533
    return off / deviation if deviation else np.zeros(len(values))


def odd_drop_rates(grouping: Grouping) -> list[Anomaly]:
    """Groups whose drop rate is far from that of the others."""
    groups = [group for group in grouping.groups if group.documents >= MIN_DOCUMENTS]
    n = np.array([group.documents for group in groups], float)
    rate = np.array([group.dropped / group.documents for group in groups])
    if len(groups) < 2:
        return []
    other, rest = _others(rate, n), n.sum() - n
    pooled = (n * rate + rest * other) / n.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (rate - other) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / rest))
    effect = np.abs(rate - other) / MIN_POINTS
    far = (effect >= 1) & (np.abs(z) >= MIN_Z) & (n < n.sum() / 2) & _is_outside(rate)

    def tell(at: int) -> Anomaly:
        more = "drops" if rate[at] > other[at] else "drops only"
        says = f"{more} {rate[at]:.0%} of its {groups[at].documents:,} documents; the others drop {other[at]:.0%}"
        return _anomaly("drop rate", grouping.by, groups[at].name, says, rate[at], other[at], groups[at].documents,
                        effect[at])  # fmt: skip

    return _farthest(effect, far, tell)


def odd_lengths(sample: pa.Table, by: str, names: pa.Array, length: str = "text_bytes") -> list[Anomaly]:
    """Groups of a sample whose median length is far from that of the others. `names`: each row's group."""

    def tell(name: str, n: int, value: float, other: float, size: float) -> Anomaly:
        says = f"half of its texts are longer than {value:,.0f} bytes; of the others {other:,.0f}"
        return _anomaly("length", by, name, says, value, other, n, size)

    values = pc.cast(sample.column(length), pa.float64()).to_numpy()
    return _compare_groups(values, names, lambda v: float(np.median(v)), MIN_FACTOR, 0.0, tell)


def odd_spreads(sample: pa.Table, by: str, names: pa.Array, score: str) -> list[Anomaly]:
    """Groups of a sample in which a score spreads far more, or less, than in the others."""

    def tell(name: str, n: int, value: float, other: float, size: float) -> Anomaly:
        says = f"90 % of its {score} are within {value:.3g} of one another; of the others within {other:.3g}"
        return _anomaly("score spread", by, name, says, value, other, n, size)

    values = pc.fill_null(pc.cast(sample.column(score), pa.float64()), np.nan).to_numpy()
    return _compare_groups(
        values,
        names,
        lambda v: float(np.subtract(*np.percentile(v, [95, 5]))),
        MIN_SPREAD_FACTOR,
        MIN_SPREAD_APART,
        tell,
    )


def odd_languages(sample: pa.Table, by: str, names: pa.Array) -> list[Anomaly]:
    """Groups of a sample with other languages than the others."""
    groups, codes = _codes(names)
    languages, language = _codes(pc.fill_null(sample.column("language").combine_chunks().cast(pa.string()), UNKNOWN))
    counts = np.zeros((len(groups), len(languages)))
    np.add.at(counts, (codes, language), 1)
    n = counts.sum(axis=1)
    large = np.argsort(-n, kind="stable")[:_MOST_GROUPS]
    large = large[n[large] >= MIN_SAMPLED]
    if len(large) < 2:
        return []
    rest = counts.sum(axis=0) - counts[large]
    own, other = counts[large] / n[large, None], rest / np.maximum(1, rest.sum(axis=1, keepdims=True))
    # each group's distance to the group of the median document of the others: one odd group makes no others odd
    distance = np.array(
        [
            _median(np.delete(np.abs(own - own[at]).sum(axis=1) / 2, at), np.delete(n[large], at), 0.0)
            for at in range(len(large))
        ]
    )
    far = (distance >= MIN_MIX) & (n[large] < n.sum() / 2) & _is_outside(distance)

    def tell(at: int) -> Anomaly:
        most = int(np.argmax(np.abs(own[at] - other[at])))
        says = f"{own[at, most]:.0%} of it is {languages[most]}; of the others {other[at, most]:.0%}"
        return _anomaly("languages", by, groups[int(large[at])], says, own[at, most], other[at, most],
                        int(n[large[at]]), distance[at] / MIN_MIX)  # fmt: skip

    return _farthest(distance, far, tell)


def empty_scores(histograms: Sequence[Histogram], scores: Sequence[str]) -> list[Anomaly]:
    """Scores that say nothing."""
    found = []
    for histogram in histograms:
        if histogram.column not in scores or histogram.documents < MIN_DOCUMENTS:
            continue
        spread = histogram.quantiles["95"] - histogram.quantiles["5"]
        if spread < MIN_SPREAD:
            says = f"nine of ten documents have nearly the same: {spread:.3g} from the 5th to the 95th percentile"
            size = MIN_SPREAD / max(spread, MIN_SPREAD / 10)
        elif histogram.largest_bucket > FULL_BUCKET:
            says = f"{histogram.largest_bucket:.0%} of the documents are in one of twenty buckets"
            size = histogram.largest_bucket / FULL_BUCKET
        else:
            continue
        found.append(_anomaly("score", "score", histogram.column, says, spread, MIN_SPREAD, histogram.documents, size))
    return found


def slow_shards(work: Sequence[ShardWork]) -> list[Anomaly]:
    """Shards that took far longer than others for their bytes."""
    work = [one for one in work if one.bytes > 0 and one.seconds > 0]
    if len(work) < 3:
        return []
    seconds = np.array([one.seconds for one in work])
    pace = seconds / np.array([one.bytes / 1e6 for one in work])
    usual = float(np.median(pace))
    factor = pace / usual
    longer = seconds - seconds / factor
    far = (factor >= MIN_SLOWNESS) & (longer >= MIN_SECONDS) & _is_outside(pace)

    def tell(at: int) -> Anomaly:
        says = (
            f"{1 / pace[at]:.3g} MB/s over all its tasks, {seconds[at]:.0f} s; half of the shards make {1 / usual:.3g}"
        )
        return _anomaly("slow shard", "shard", work[at].name, says, 1 / pace[at], 1 / usual, work[at].documents,
                        factor[at] / MIN_SLOWNESS)  # fmt: skip

    return _farthest(factor, far, tell)


def _compare_groups(
    values: Floats,
    names: pa.Array,
    measure: Callable[[Floats], float],
    least: float,
    apart: float,
    tell: Callable[[str, int, float, float, float], Anomaly],
) -> list[Anomaly]:
    """Groups whose measure is `least` times that of the others, or the others' that of theirs, and `apart` from it."""
    groups, codes = _codes(names)
    known = np.isfinite(values)
    values, codes = values[known], codes[known]
    n = np.bincount(codes, minlength=len(groups))
    large = [group for group in np.argsort(-n, kind="stable")[:_MOST_GROUPS].tolist() if n[group] >= MIN_SAMPLED]
    if len(large) < 2:
        return []
    of_each = np.array([measure(values[codes == group]) for group in large])
    rest = _others(of_each, n[large].astype(float))
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.abs(np.log2(of_each / rest)) / np.log2(least)
    minority = n[large] < len(values) / 2
    far = (
        np.isfinite(off)
        & (off >= 1)
        & (np.abs(of_each - rest) >= apart)
        & minority
        & _is_outside(np.log2(np.maximum(of_each, 1e-9)))
    )
    return _farthest(
        off, far, lambda at: tell(groups[large[at]], int(n[large[at]]), of_each[at], rest[at], float(off[at]))
    )


def _others(values: Floats, weights: Floats) -> Floats:
    """For each group what the others have: the value of the group of their median document, so that one odd group among
    few makes no others odd. Of many groups one more or less makes no difference, and the median is of all."""
    if len(values) >= MANY:
        return np.array([_median(values, weights, value) for value in values])
    return np.array(
        [_median(np.delete(values, at), np.delete(weights, at), value) for at, value in enumerate(values.tolist())]
    )


def _median(values: Floats, weights: Floats, near: float) -> float:
    """The weighted median; where it lies between two values, what is nearest to `near` from one to the other."""
    order = np.argsort(values, kind="stable")
    ends, half = np.cumsum(weights[order]), weights.sum() / 2
    low, high = (int(np.searchsorted(ends, half, side)) for side in ("left", "right"))
    ordered = values[order]
    return float(np.clip(near, ordered[min(low, len(values) - 1)], ordered[min(high, len(values) - 1)]))


def _is_outside(values: Floats) -> "npt.NDArray[np.bool_]":
    """Which values are outside the scatter of all; all of a few."""
    if len(values) < MANY:
        return np.ones(len(values), bool)
    return np.abs(robust_z(values)) >= MIN_ROBUST_Z


def _codes(names: pa.Array) -> tuple[list[str], npt.NDArray[np.int64]]:
    encoded = pc.fill_null(names, UNKNOWN).dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _anomaly(
    kind: Kind, of: str, name: str, says: str, value: float, others: float, documents: int, size: float
) -> Anomaly:
    return Anomaly(kind, of, name, says, float(value), float(others), documents, round(float(size), 3))


def _farthest(by: Floats, far: "npt.NDArray[np.bool_]", tell: Callable[[int], Anomaly]) -> list[Anomaly]:
    places = [at for at in np.argsort(-np.nan_to_num(by), kind="stable").tolist() if far[at]]
    return [tell(at) for at in places[:_EACH_KIND]]
