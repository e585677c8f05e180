"""How the documents lie along a number: a histogram of each numeric column, its quantiles, and what was dropped.

Numbers are counted in one pass without knowing their range: by the upper 16 bits of their float32, which are bins whose
width is 1/128 of the value. From these come the bins that are shown, and quantiles that are right to 1 % of the value;
least and greatest are exact, and so are whole numbers below 256.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.inspection.document_table import REASON

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_FINE = 1 << 16
_GREATEST = float(np.finfo(np.float32).max)
"""values beyond it are in the last bins"""
_SHOWN = 48
"""bins that are shown, about"""
_NAMES_NO_AMOUNT = ("keeper", "cluster", "script")
"""last words of the names of columns whose numbers are names of something"""


@dataclass(frozen=True)
class Histogram:
    """The documents along one column."""

    column: str
    documents: int
    """that have a value"""
    nulls: int
    least: float
    greatest: float
    mean: float
    quantiles: Mapping[str, float]
    """by share in percent: `50` is the median"""
    largest_bucket: float
    """share of the documents in the fullest of twenty buckets of equal width between least and greatest; between 0 and
    1 for values that lie there"""
    scale: str
    """`linear`, or `log`: the shown bins grow with the value"""
    edges: Sequence[float]
    """of the shown bins, ascending, one more than bins; the first bin of a log scale begins with the least value"""
    kept: Sequence[int]
    dropped: Sequence[int]

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def numeric_columns(types: Mapping[str, pa.DataType]) -> list[str]:
    """The columns that are amounts: numbers, but for hashes and numbers of documents (uint64) and the like."""
    return [
        name
        for name, kind in types.items()
        if (pa.types.is_floating(kind) or pa.types.is_integer(kind))
        and kind != pa.uint64()
        and name.rpartition(".")[2] not in _NAMES_NO_AMOUNT
    ]


def is_score(name: str, kind: pa.DataType) -> bool:
    """Whether a column is the opinion of a model, or of somebody: a fraction that isn't named after a stage
    (`quality`, `language_score`), `x.score` or `quality.x`. Statistics are named `stage.statistic`."""
    named_so = "." not in name or name.startswith("quality.") or name.endswith(("score", "quality"))
    return bool(pa.types.is_floating(kind)) and named_so


class Histograms:
    """Collects the histograms of columns. Takes 1 MiB a column."""

    def __init__(self, columns: Sequence[str], with_verdicts: bool) -> None:
        self.numbers = list(columns)
        self.columns = [*columns, *([REASON] if with_verdicts else [])]
        self._with_verdicts = with_verdicts
        self._counts = {name: np.zeros(2 * _FINE, np.int64) for name in columns}
        self._nulls = dict.fromkeys(columns, 0)
        self._range = dict.fromkeys(columns, (np.inf, -np.inf))
        self._sums = dict.fromkeys(columns, 0.0)

    def add(self, batch: pa.RecordBatch) -> None:
        """Count some documents."""
        dropped = np.zeros(batch.num_rows, np.int64)
        if self._with_verdicts:
            dropped = batch.column(REASON).is_valid().to_numpy(zero_copy_only=False).astype(np.int64)
        for name in self.numbers:
            column = batch.column(name)
            values = pc.fill_null(pc.cast(column, pa.float64(), safe=False), np.nan).to_numpy(zero_copy_only=False)
            known = np.isfinite(values)
            values = values[known]
            self._nulls[name] += batch.num_rows - len(values)
            if len(values) == 0:
                continue
            bins = _fine_bins(values) + dropped[known] * _FINE
            self._counts[name] += np.bincount(bins, minlength=2 * _FINE)
            low, high = self._range[name]
            self._range[name] = (min(low, float(values.min())), max(high, float(values.max())))
            self._sums[name] += float(values.sum())

    def found(self) -> list[Histogram]:
        """The histograms of the columns that have a value, in the order of the columns."""
        return [self._histogram(name) for name in self.numbers if self._counts[name].any()]

    def _histogram(self, name: str) -> Histogram:
        by_verdict = self._counts[name].reshape(2, _FINE)
        used = np.flatnonzero(by_verdict.any(axis=0))
        counts, starts = by_verdict[:, used], np.clip(_starts(used), *self._range[name])
        both = counts.sum(axis=0)
        documents, (least, greatest) = int(both.sum()), self._range[name]
        low, high = (min(max(value, -_GREATEST), _GREATEST) for value in (least, greatest))
        ends = np.cumsum(both)
        quantiles = {f"{q * 100:g}": float(starts[np.searchsorted(ends, q * documents)]) for q in QUANTILES}
        scale = "log" if _is_heavy_tailed(low, high, quantiles) else "linear"
        edges = _edges(starts, low, high, scale)
        place = np.clip(np.searchsorted(edges, starts, "right") - 1, 0, len(edges) - 2)
        kept, dropped = (np.bincount(place, part, len(edges) - 1).astype(np.int64) for part in counts)
        bucket_low, bucket_high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
        width = (bucket_high - bucket_low) or 1.0
        buckets = np.bincount(np.clip((starts - bucket_low) / width * 20, 0, 19).astype(np.int64), both, 20)
        return Histogram(
            column=name,
            documents=documents,
            nulls=self._nulls[name],
            least=least,
            greatest=greatest,
            mean=self._sums[name] / documents,
            quantiles=quantiles,
            largest_bucket=float(buckets.max() / documents),
            scale=scale,
            edges=[float(f"{edge:.9g}") for edge in edges],
            kept=kept.tolist(),
            dropped=dropped.tolist(),
        )


def _fine_bins(values: Float64) -> Int64:
    """The bin of each value, ascending with the value: of the bits of its float32 the upper half. Of negative numbers
    all bits are turned round, of others the sign."""
    bits = np.clip(values, -_GREATEST, _GREATEST).astype(np.float32).view(np.uint32)
    ordered = np.where(bits >> np.uint32(31), ~bits, bits | np.uint32(1 << 31))
    return (ordered >> np.uint32(16)).astype(np.int64)


def _starts(bins: Int64) -> Float64:
    """The value of each bin that is nearest to zero."""
    ordered = bins.astype(np.uint32) << np.uint32(16)
    bits = np.where(ordered >> np.uint32(31), ordered ^ np.uint32(1 << 31), ~ordered & np.uint32(0xFFFF0000))
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)


def _is_heavy_tailed(low: float, high: float, quantiles: Mapping[str, float]) -> bool:
    """Most values would stand in the first bins of a linear scale."""
    return low >= 0 and high > 20 and high > 20 * max(quantiles["50"], 1e-9)


def _edges(starts: Float64, low: float, high: float, scale: str) -> Float64:
    if low == high:
        half = 0.5 if high == 0 else abs(high) / 2
        return np.array([low - half, high + half])
    whole = bool((starts == np.round(starts)).all())
    if scale == "log":
        positive = starts[starts > 0]
        first = float(positive[0])
        edges = np.geomspace(first, high * (1 + 1e-6), _SHOWN + 1)
        if whole:
            edges = np.unique(np.ceil(edges))
        return np.concatenate([[min(low, 0.0)], edges]) if low < first else edges
    if whole and high - low <= _SHOWN:
        return np.arange(low, high + 2.0)
    step = _nice((high - low) / _SHOWN, whole)
    start = float(np.floor(low / step) * step)
    linear: Float64 = start + step * np.arange(int((high - start) // step) + 2, dtype=np.float64)
    return linear


def _nice(step: float, whole: bool) -> float:
    """The next larger of 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(step))
    found = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= step * (1 - 1e-9))
    return float(max(1.0, np.ceil(found)) if whole else found)
