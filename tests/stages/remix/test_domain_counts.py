"""Counts by domain: the same whatever the batches, shards and their order."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.remix import domain_counts
from dspipe.stages.remix.domain_counts import DomainCounts, TooManyDomainsError

NAMES = ["books", "code", "web"]
DOCUMENTS = st.lists(st.tuples(st.integers(0, 2), st.floats(0, 0.999), st.integers(0, 99)), max_size=20)


def add(counts: DomainCounts, documents: list[tuple[int, float, int]]) -> None:
    counts.add(
        NAMES,
        np.array([code for code, _, _ in documents], np.int64),
        np.array([position for _, position, _ in documents], np.float64),
        np.array([tokens for _, _, tokens in documents], np.int64),
    )


@given(st.lists(DOCUMENTS, max_size=4), st.sampled_from([1, 8]))
def test_counts_add_up_over_batches_and_shards(shards: list[list[tuple[int, float, int]]], bins: int) -> None:
    whole, merged = DomainCounts(bins), DomainCounts(bins)
    documents: dict[str, int] = defaultdict(int)
    tokens: dict[str, list[int]] = defaultdict(lambda: [0] * bins)
    for shard in shards:
        own = DomainCounts(bins)
        for start in range(0, len(shard), 3):
            add(own, shard[start : start + 3])
        merged.add_json(own.as_json())
        add(whole, shard)
        for code, position, count in shard:
            documents[NAMES[code]] += 1
            tokens[NAMES[code]][int(position * bins)] += count
    assert merged.as_json() == whole.as_json()
    found = {domain.name: (domain.documents, domain.tokens, domain.bins.tolist()) for domain in merged.domains()}
    assert found == {name: (documents[name], sum(tokens[name]), tokens[name]) for name in documents}
    assert list(found) == sorted(found)


def test_values_that_are_no_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain_counts, "MAX_BINS", 16)
    counts = DomainCounts(8)
    add(counts, [(0, 0.5, 1), (2, 0.5, 1)])
    with pytest.raises(TooManyDomainsError, match="more than 2 values"):
        add(counts, [(1, 0.5, 1)])
