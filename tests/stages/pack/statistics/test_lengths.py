"""Histograms of lengths against numpy over all lengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.pack.statistics.lengths import LengthHistogram


def histogram(lengths: list[int]) -> LengthHistogram:
    found = LengthHistogram()
    for part in (lengths[::2], lengths[1::2]):
        found.add(np.array(part, np.int64))
    return found


@given(st.lists(st.integers(0, 70_000), min_size=1, max_size=40), st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_as_all_lengths_say(lengths: list[int], share: float) -> None:
    found = histogram(lengths)
    assert (found.count, found.tokens) == (len(lengths), sum(lengths))
    assert (found.shortest, found.longest) == (min(lengths), max(lengths))
    assert found.mean == pytest.approx(np.mean(lengths))
    exact = sorted(lengths)[max(0, int(np.ceil(share * len(lengths))) - 1)]
    assert found.quantile(share) == (exact if exact < 1 << 16 else 1 << 16)
    buckets = found.buckets()
    assert sum(bucket["number"] for bucket in buckets) == len(lengths)
    assert sum(bucket["tokens"] for bucket in buckets) == sum(lengths)
    for bucket, following in zip(buckets, [*buckets[1:], None], strict=True):
        low, high = bucket["at least"], max(1, 2 * bucket["at least"])
        inside = [n for n in lengths if low <= n < high]
        assert (bucket["number"], bucket["tokens"]) == (len(inside), sum(inside))
        assert following is None or following["at least"] >= high


def test_of_none() -> None:
    found = LengthHistogram()
    found.add(np.zeros(0, np.int64))
    assert (found.count, found.mean, found.quantile(0.5), found.buckets()) == (0, 0.0, 0, [])
