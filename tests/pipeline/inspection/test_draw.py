"""Draws against sorting all documents."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.inspection import draw as module
from dspipe.pipeline.inspection.draw import Draw, TooManyStrataError

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None, "\x00", ""]),
        st.sampled_from(["x", None]),
        st.integers(0, 5),
        st.integers(0, 3),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 5), st.integers(1, 10), st.randoms(use_true_random=False))
def test_the_lowest_ranks_of_each_stratum(
    rows: list[tuple[str | None, str | None, int, int]], each: int, size: int, random: "object"
) -> None:
    expected: dict[tuple[str | None, str | None], list[tuple[int, int, int]]] = {}
    for number, (one, other, hash_, distance) in enumerate(rows):
        expected.setdefault((one, other), []).append((distance, hash_, number))
    numbered = list(enumerate(rows))
    random.shuffle(numbered)  # type: ignore[attr-defined]
    draw = Draw(each)
    for start in range(0, len(numbered), size):
        part = numbered[start : start + size]
        strata = [pa.array([row[place] for _, row in part], pa.string()) for place in (0, 1)]
        hashes = np.array([row[2] for _, row in part], np.uint64)
        distances = np.array([row[3] for _, row in part], np.float64)
        draw.add(strata, hashes, np.array([number for number, _ in part], np.uint64), distances)
    found = draw.drawn()
    assert {stratum: list(one.numbers) for stratum, one in found.items()} == {
        stratum: [number for *_, number in sorted(ranks)[:each]] for stratum, ranks in expected.items()
    }
    assert {stratum: one.of for stratum, one in found.items()} == {s: len(ranks) for s, ranks in expected.items()}


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 5), st.integers(1, 3), st.integers(1, 10), st.randoms(use_true_random=False))
def test_no_more_of_one_group_than_wanted(
    rows: list[tuple[str | None, str | None, int, int]], each: int, at_most: int, size: int, random: "object"
) -> None:
    expected: dict[str | None, list[int]] = {}
    taken: Counter[tuple[str | None, str | None]] = Counter()
    for number, (stratum, group, _, _) in sorted(enumerate(rows), key=lambda row: (row[1][3], row[1][2], row[0])):
        drawn = expected.setdefault(stratum, [])
        if len(drawn) < each and (group is None or taken[stratum, group] < at_most):
            drawn.append(number)
            taken[stratum, group] += 1
    numbered = list(enumerate(rows))
    random.shuffle(numbered)  # type: ignore[attr-defined]
    draw = Draw(each, at_most)
    for start in range(0, len(numbered), size):
        part = numbered[start : start + size]
        draw.add(
            [pa.array([row[0] for _, row in part], pa.string())],
            np.array([row[2] for _, row in part], np.uint64),
            np.array([number for number, _ in part], np.uint64),
            np.array([row[3] for _, row in part], np.float64),
            pa.array([row[1] for _, row in part], pa.string()),
        )
    assert {stratum: list(one.numbers) for (stratum,), one in draw.drawn().items()} == expected


def test_every_document_is_as_likely() -> None:
    """Of 1,000 documents 100 are drawn: each of the first 100 in about a tenth of 200 draws."""
    from dspipe.pipeline.draws import seeded_hashes

    times = np.zeros(1000)
    origins = pa.array(np.arange(1000, dtype=np.uint64) * np.uint64(7919))
    for seed in range(200):
        draw = Draw(100)
        draw.add([], seeded_hashes(origins, seed, "sample"), np.arange(1000, dtype=np.uint64))
        times[list(draw.drawn()[()].numbers)] += 1
    assert times.sum() == 20_000
    # 20 on average, with a deviation of 4.2
    assert times.min() >= 4 and times.max() <= 40
    assert abs(times[:500].sum() - 10_000) < 400


def test_too_many_strata(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STRATA", 3)
    with pytest.raises(TooManyStrataError, match="more than 3 strata"):
        Draw(1).add([pa.array(["a", "b", "c", "d"])], np.arange(4, dtype=np.uint64), np.arange(4, dtype=np.uint64))
