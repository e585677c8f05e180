"""Histograms against numpy over all values."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.inspection.histograms import Histogram, Histograms, is_score, numeric_columns

VALUES = st.lists(
    st.one_of(st.none(), st.integers(-300, 10**7), st.floats(-1e6, 1e6, width=32), st.just(float("nan"))), min_size=1
)


def histogram_of(values: Sequence[float | None], dropped: list[bool], kind: pa.DataType = None) -> list[Histogram]:
    """In two batches."""
    batch = pa.RecordBatch.from_pydict(
        {
            "x": pa.array(values, kind or pa.float64()),
            "reason": pa.array(["why" if drop else None for drop in dropped], pa.string()),
        }
    )
    collector = Histograms(["x"], with_verdicts=True)
    half = len(values) // 2
    for part in (batch.slice(0, half), batch.slice(half)):
        collector.add(part)
    return collector.found()


@given(VALUES, st.integers(0, 2**32 - 1))
def test_every_value_is_in_its_bin(values: list[float | None], seed: int) -> None:
    dropped = np.random.default_rng(seed).random(len(values)) < 0.5
    found = histogram_of(values, dropped.tolist())
    known = np.array([x for x in values if x is not None and not np.isnan(x)], float)
    if len(known) == 0:
        assert found == []
        return
    (one,) = found
    assert (one.documents, one.nulls) == (len(known), len(values) - len(known))
    assert (one.least, one.greatest) == (known.min(), known.max())
    assert one.mean == pytest.approx(known.mean(), abs=1e-6, rel=1e-6)
    edges = np.array(one.edges)
    assert (np.diff(edges) > 0).all() and len(edges) <= 60
    slack = 1e-6 * max(1.0, abs(known).max())
    assert edges[0] <= known.min() + slack and edges[-1] >= known.max() - slack
    assert sum(one.kept) + sum(one.dropped) == len(known)
    is_dropped = [d for x, d in zip(values, dropped, strict=True) if x is not None and not np.isnan(x)]
    assert sum(one.dropped) == sum(is_dropped)
    for percent, value in one.quantiles.items():
        right = np.sort(known)[max(0, int(np.ceil(float(percent) / 100 * len(known) - 1e-9)) - 1)]
        assert value == pytest.approx(right, rel=0.01, abs=1e-30)


def test_whole_numbers_below_256_are_exact() -> None:
    values = [float(n) for n in range(40)] * 2
    (one,) = histogram_of(values, [False] * 40 + [True] * 40)
    assert list(one.edges) == list(range(41))
    assert list(one.kept) == list(one.dropped) == [1] * 40


def test_a_heavy_tail_is_shown_on_a_log_scale() -> None:
    values: list[float | None] = np.random.default_rng(1).lognormal(5, 2, 5000).tolist()
    (one,) = histogram_of([0.0, *values], [False] * 5001)
    assert one.scale == "log"
    assert one.edges[0] == 0 and one.kept[0] == 1
    assert max(one.kept) < 1000  # on a linear scale nearly all are in the first bin
    scores: list[float | None] = np.random.default_rng(1).random(5000).tolist()
    (score,) = histogram_of(scores, [False] * 5000)
    assert score.scale == "linear" and score.largest_bucket < 0.07


def test_what_is_a_number_and_what_a_score() -> None:
    types = {
        "words": pa.int32(),
        "number": pa.uint64(),
        "x.cluster": pa.int64(),
        "heuristics.script": pa.int32(),
        "quality": pa.float32(),
        "text": pa.string(),
        "edu.score": pa.float64(),
        "quality.dclm": pa.float32(),
        "heuristics.hashes": pa.float32(),
    }
    assert numeric_columns(types) == ["words", "quality", "edu.score", "quality.dclm", "heuristics.hashes"]
    assert [name for name in numeric_columns(types) if is_score(name, types[name])] == [
        "quality",
        "edu.score",
        "quality.dclm",
    ]


@pytest.mark.filterwarnings("error")
def test_numbers_beyond_single_precision_are_in_the_last_bins() -> None:
    (one,) = histogram_of([-1e300, 1.5e308, 1.0, 2.0], [False, True, False, False])
    assert (one.least, one.greatest, sum(one.kept), sum(one.dropped)) == (-1e300, 1.5e308, 3, 1)
    assert np.isfinite(one.edges).all() and sum(one.dropped[-3:]) == 1 and sum(one.kept[:3]) == 1
