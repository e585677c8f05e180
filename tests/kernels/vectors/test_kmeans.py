"""k-means: groups that are there are found, small ones are merged, and the same input has the same result."""

import numpy as np
import pytest

from dspipe.kernels.vectors.clusters import nearest
from dspipe.kernels.vectors.kmeans import find_centers


def blobs(sizes: list[int], places: int = 32, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors around as many directions, in a random order, and the group of each."""
    draw = np.random.default_rng(seed)
    groups = draw.permutation(np.repeat(np.arange(len(sizes)), sizes))
    middles = draw.normal(size=(len(sizes), places))
    vectors = middles[groups] + draw.normal(size=(len(groups), places)) * 0.2
    return np.rint(vectors / np.abs(vectors).max(axis=1)[:, None] * 127).astype(np.int8), groups


def test_groups_are_found_the_largest_first() -> None:
    vectors, groups = blobs([50, 200, 100])
    centers = find_centers(vectors, 3, seed=4)
    found = nearest(vectors, centers)[0]
    assert np.bincount(found).tolist() == [200, 100, 50]
    assert all(len(np.unique(found[groups == group])) == 1 for group in range(3))
    again = find_centers(vectors, 3, seed=4)
    assert (again.centers == centers.centers).all() and (again.mean == centers.mean).all()


@pytest.mark.parametrize("count", [8, 30])
def test_no_cluster_is_smaller_than_its_share(count: int) -> None:
    vectors, _ = blobs([300, 200, 6, 3, 5, 150])
    found = nearest(vectors, find_centers(vectors, count, 0.05, 1))[0]
    sizes = np.bincount(found)
    assert 2 < len(sizes) <= count and sizes.min() >= 0.05 * len(vectors)
    assert (np.diff(sizes) <= 0).all()


@pytest.mark.parametrize("different", [1, 2, 5])
def test_fewer_different_vectors_than_clusters(different: int) -> None:
    vectors = np.repeat(blobs([different])[0], 3, axis=0)
    centers = find_centers(vectors, 10)
    assert len(centers.centers) <= max(1, different)
    assert nearest(vectors, centers)[1].max() < 1.5


def test_no_vectors_have_no_centers() -> None:
    assert find_centers(np.zeros((0, 16), np.int8), 3).centers.shape == (0, 16)


def test_rounds_bring_centers_nearer() -> None:
    vectors, _ = blobs([40] * 12, seed=3)
    before, after = (nearest(vectors, find_centers(vectors, 12, rounds=rounds, seed=2))[1].sum() for rounds in (0, 30))
    assert after < before
