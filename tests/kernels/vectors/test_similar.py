"""Groups of similar vectors against plain numpy."""

import itertools

import numpy as np
import pytest

from dspipe.kernels.vectors.similar import find_similar


def slowly(vectors: np.ndarray, begins: list[int], threshold: float) -> list[int]:
    unit = vectors / np.linalg.norm(vectors.astype(float), axis=1)[:, None]
    found: list[int] = []
    for start, end in itertools.pairwise(begins):
        kept: list[int] = []
        for row in range(start, end):
            same = next((other for other in kept if unit[row] @ unit[other] >= threshold - 1e-12), row)
            found.append(same)
            kept += [row] if same == row else []
    return found


@pytest.mark.parametrize("threshold", [0.3, 0.9, 1.0])
def test_the_first_kept_one_that_is_alike(threshold: float) -> None:
    draw = np.random.default_rng(2)
    middles = draw.normal(size=(9, 24))
    vectors = middles[draw.integers(0, 9, 150)] + draw.normal(size=(150, 24)) * 0.25
    vectors = np.rint(vectors / np.abs(vectors).max(axis=1)[:, None] * 127).astype(np.int8)
    vectors[20:23] = vectors[10]
    begins = [0, 1, 60, 60, 150]
    expected = slowly(vectors, begins, threshold)
    assert find_similar(vectors, np.array(begins), threshold).tolist() == expected
    assert any(row != same for row, same in enumerate(expected))


def test_copies_are_alike_and_opposites_are_not() -> None:
    vector = np.arange(-60, 68, dtype=np.int8)[None]
    vectors = np.concatenate([vector, -vector, vector])
    assert find_similar(vectors, np.array([0, 3]), 1.0).tolist() == [0, 1, 0]
    assert len(find_similar(vectors[:0], np.array([0]), 0.5)) == 0
