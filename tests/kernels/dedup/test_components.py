import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.dedup.components import components


def components_slowly(edges: list[tuple[int, int]]) -> dict[int, int]:
    """Every node's smallest reachable node, by spreading labels until nothing changes."""
    label = {node: node for edge in edges for node in edge}
    changed = True
    while changed:
        changed = False
        for a, b in edges:
            smallest = min(label[a], label[b])
            changed |= label[a] != smallest or label[b] != smallest
            label[a] = label[b] = smallest
    return label


def found(left: np.ndarray, right: np.ndarray) -> dict[int, int]:
    nodes, roots = components(left.astype(np.uint64), right.astype(np.uint64))
    assert (np.diff(nodes.astype(object)) > 0).all()
    return dict(zip(nodes.tolist(), roots.tolist(), strict=True))


NODES = st.one_of(st.integers(0, 30), st.sampled_from([2**32, 2**63, 2**64 - 1]))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(NODES, NODES), max_size=60))
def test_the_smallest_node_of_every_component(edges: list[tuple[int, int]]) -> None:
    left, right = np.array(edges, np.uint64).reshape(-1, 2).T
    assert found(left, right) == components_slowly(edges)


def test_a_chain_of_a_million_a_star_and_a_clique() -> None:
    chain = np.random.default_rng(1).permutation(1_000_000).astype(np.uint64)
    nodes, roots = components(chain[:-1], chain[1:])
    assert len(nodes) == 1_000_000 and not roots.any()
    star = np.arange(1, 100_000)
    assert set(found(np.full(len(star), 100_000), star).values()) == {1}
    left, right = np.triu_indices(300, 1)
    assert set(found(left + 7, right + 7).values()) == {7}
