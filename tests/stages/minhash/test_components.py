from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.minhash.components import Edges, connected_components, star_components
from tests.kernels.dedup.test_components import components_slowly


def labels(pieces: Iterator[Edges]) -> dict[int, int]:
    found: dict[int, int] = {}
    for nodes, roots in pieces:
        assert not found.keys() & set(nodes.tolist())
        found |= dict(zip(nodes.tolist(), roots.tolist(), strict=True))
    return found


def in_pieces(edges: np.ndarray, size: int) -> list[Edges]:
    return [(edges[i : i + size, 0].copy(), edges[i : i + size, 1].copy()) for i in range(0, len(edges), size)]


GRAPH = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).filter(lambda edge: edge[0] != edge[1]), max_size=60)


@settings(max_examples=40, deadline=None)
@given(GRAPH, st.integers(1, 30), st.sampled_from([1, 2000, 1 << 20]))
def test_in_memory_and_over_files_the_same_as_one_by_one(edges: list[tuple[int, int]], size: int, memory: int) -> None:
    pieces = in_pieces(np.array(edges, np.uint64).reshape(-1, 2), size)
    expected = components_slowly(edges)
    assert labels(connected_components(pieces, memory)) == expected
    assert labels(star_components(pieces, memory)) == expected


@pytest.mark.parametrize("kind", ["random", "chain", "star", "clique"])
def test_over_files_the_same_as_in_memory(kind: str) -> None:
    rng = np.random.default_rng(5)
    names = np.sort(rng.integers(0, 2**63, 20_000, np.uint64))
    edges = {
        "random": rng.integers(0, 20_000, (15_000, 2)),
        "chain": np.stack([np.arange(19_999), np.arange(1, 20_000)], axis=1),
        "star": np.stack([np.full(19_000, 19_999), np.arange(19_000)], axis=1),
        "clique": np.stack(np.triu_indices(150, 1), axis=1),
    }[kind]
    edges = names[edges[edges[:, 0] != edges[:, 1]]]
    pieces = in_pieces(rng.permutation(edges), 4000)
    small = 1 << 18
    assert labels(connected_components(pieces, small)) == labels(connected_components(pieces, 1 << 30))


def test_no_edges() -> None:
    assert labels(connected_components([], 1000)) == {}
    assert labels(star_components([], 1000)) == {}
