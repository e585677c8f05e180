"""Tokens by domain and score against plain Python."""

import random
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest

from dspipe.stages.remix import score_counts
from dspipe.stages.remix.domain_counts import TooManyDomainsError
from dspipe.stages.remix.score_counts import BINS, NO_SCORE, SQUARE_UNIT, ScoreCounts, score_bins


def make_documents(count: int = 300) -> list[tuple[str, float | None, int]]:
    draw = random.Random(7)
    return [
        (draw.choice("abc"), draw.choice([None, 0.25, draw.gauss(0, 3)]), draw.randint(0, 5000)) for _ in range(count)
    ]


def counted(documents: list[tuple[str, float | None, int]], size: int) -> ScoreCounts:
    """Counts over batches of that size."""
    counts = ScoreCounts()
    for start in range(0, len(documents), size):
        part = documents[start : start + size]
        names = sorted({name for name, _, _ in part})
        codes = np.array([names.index(name) for name, _, _ in part])
        bins = score_bins(pa.array([score for _, score, _ in part], pa.float64()))
        counts.add(names, codes, bins, np.array([tokens for _, _, tokens in part]))
    return counts


def test_sums_by_domain_and_bin() -> None:
    documents = make_documents()
    expected: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0, 0]))
    for name, score, tokens in documents:
        of = NO_SCORE if score is None else int(BINS.of(np.array([score], np.float32))[0])
        entry = expected[name][of]
        for at, value in enumerate((1, tokens, -(-tokens * tokens // SQUARE_UNIT))):
            entry[at] += value
    domains = counted(documents, 50).domains()
    assert [domain.name for domain in domains] == ["a", "b", "c"]
    for domain in domains:
        bins = expected[domain.name]
        assert domain.scores is not None and domain.scores.bins.tolist() == sorted(bins)
        assert domain.bins.tolist() == [bins[at][1] for at in sorted(bins)]
        assert (domain.scores.squares / SQUARE_UNIT).tolist() == [bins[at][2] for at in sorted(bins)]
        assert domain.documents == sum(entry[0] for entry in bins.values())
        assert domain.scores.scored == domain.documents - bins[NO_SCORE][0]


def test_the_same_bytes_over_batches_and_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = make_documents()
    whole = counted(documents, 300).to_bytes()
    assert counted(documents, 7).to_bytes() == whole
    monkeypatch.setattr(score_counts, "_MAX_ROWS", 20)
    assert counted(documents, 7).to_bytes() == whole
    merged = ScoreCounts()
    for start in (0, 150):
        merged.add_bytes(counted(documents[start : start + 150], 40).to_bytes())
    assert merged.to_bytes() == whole
    assert ScoreCounts().domains() == []


def test_no_score_is_the_lowest() -> None:
    bins = score_bins(pa.array([None, float("nan"), -1e30, 0.0, 0.5], pa.float64()))
    assert bins[0] == bins[1] == NO_SCORE and (np.diff(bins[1:]) > 0).all()
    infinite = score_bins(pa.array([float("inf"), float("-inf"), 1e300], pa.float64()))
    assert infinite.tolist() == [NO_SCORE] * 3
    assert score_bins(pa.array([3, None, 20], pa.int32())).argsort().tolist() == [1, 0, 2]


def test_values_that_are_no_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_counts, "MAX_DOMAINS", 2)
    with pytest.raises(TooManyDomainsError, match="more than 2 values"):
        counted(make_documents(), 100).to_bytes()
