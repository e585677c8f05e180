"""The nearest center against numpy."""

import numpy as np
import pytest

from dspipe.kernels.vectors.clusters import ONE, Centers, around_mean, fixed, nearest


def directions(draw: np.random.Generator, count: int, places: int) -> np.ndarray:
    found = draw.normal(size=(count, places))
    found /= np.linalg.norm(found, axis=1)[:, None]
    return found


@pytest.mark.parametrize(("places", "count"), [(16, 1), (192, 7), (256, 40), (1024, 3)])
def test_the_nearest_center_around_the_mean(places: int, count: int) -> None:
    draw = np.random.default_rng(places)
    vectors = np.rint(directions(draw, 200, places) * 127).astype(np.int8)
    vectors[0], vectors[1] = 127, -127
    mean = fixed(directions(draw, 1, places)[0] * 0.4)
    centers = Centers(mean, fixed(directions(draw, count, places)))
    unit = vectors / np.linalg.norm(vectors.astype(float), axis=1)[:, None] - mean / ONE
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    cosines = unit @ centers.centers.T / ONE
    found, distances = nearest(vectors, centers)
    assert (found == cosines.argmax(axis=1)).all()
    assert distances == pytest.approx(1 - cosines.max(axis=1), abs=1e-6)
    assert around_mean(vectors, mean) == pytest.approx(unit, abs=1e-9)


def test_the_first_of_equal_centers_and_no_vectors() -> None:
    center = fixed(np.full((2, 16), 0.25))
    none = np.zeros(16, np.int16)
    found, distances = nearest(np.ones((3, 16), np.int8), Centers(none, center))
    assert found.tolist() == [0, 0, 0] and distances == pytest.approx(0, abs=1e-4)
    assert len(nearest(np.ones((0, 16), np.int8), Centers(none, center))[0]) == 0


def test_a_vector_that_is_the_mean_has_a_distance() -> None:
    mean = fixed(np.full(16, 0.25))
    _, distances = nearest(np.ones((1, 16), np.int8), Centers(mean, fixed(np.eye(16)[:2])))
    assert 0 <= distances[0] <= 2
