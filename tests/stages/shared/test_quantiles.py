"""Bins and quantiles against sorted scores."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.shared.quantiles import Bins, Groups, Histograms, bin_above, groups_of, scores_of, strings


@pytest.mark.parametrize(("dropped", "top", "width"), [(8, 1.0, 2.0**-15), (12, 1e6, 512.0)])
def test_bins(dropped: int, top: float, width: float) -> None:
    bins = Bins(dropped)
    scores = np.sort(np.random.default_rng(1).random(1000, np.float32)) * np.float32(top)
    found = bins.of(scores)
    assert (np.diff(found) >= 0).all()
    starts = np.array([bins.start(bin) for bin in found.tolist()])
    assert (starts <= scores).all() and (scores - starts < width).all()


def test_bin_above() -> None:
    counts = {1: 5, 2: 3, 7: 2}
    assert [bin_above(counts, share) for share in (0.0, 0.49, 0.5, 0.79, 0.8, 0.99)] == [1, 1, 2, 2, 7, 7]
    assert bin_above({}, 0.5) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), max_size=30), st.floats(0, 0.99))
def test_histograms(documents: list[tuple[str, int]], share: float) -> None:
    histograms = Histograms()
    for part in (documents[::2], documents[1::2]):
        groups = Groups(["b", "a"], np.array(["ba".index(group) for group, _ in part], np.int64))
        histograms.add(np.array([bin for _, bin in part], np.int64), groups)
    for group in {group for group, _ in documents}:
        own = sorted(bin for name, bin in documents if name == group)
        cut = bin_above(histograms.counts[group], share)
        below = sum(bin < cut for bin in own)
        assert below <= share * len(own) < below + own.count(cut)


def test_strings() -> None:
    batch = pa.record_batch({"language": pa.array(["en", None]).dictionary_encode()})
    assert strings(batch, "language").tolist() == ["en", ""]


def test_groups_of() -> None:
    names, codes = groups_of(pa.record_batch({"language": pa.array(["en", None, "de", "en"])}), "language")
    assert [names[code] for code in codes] == ["en", "", "de", "en"]


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_what_is_not_finite_is_no_score(kind: pa.DataType) -> None:
    column = pa.array([None, 0.5, np.nan, np.inf, -np.inf, -3.0], kind)
    lowest = float(np.finfo(np.float32).min)
    assert scores_of(column).tolist() == [lowest, 0.5, lowest, lowest, lowest, -3.0]
    assert scores_of(column, 0.25).tolist() == [0.25, 0.5, 0.25, 0.25, 0.25, -3.0]
    assert scores_of(pa.array([7, None], pa.int64()), 0.0).tolist() == [7.0, 0.0]
