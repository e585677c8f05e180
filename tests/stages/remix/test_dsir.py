"""Importance towards a target: a document is drawn in proportion to its weight."""

import math

import numpy as np
import pytest

from dspipe.stages.remix.dsir import SCALE, UNSEEN, importance_positions, log_ratios


def test_resampling_is_in_proportion_to_weights() -> None:
    """Of many draws of one document out of four with weights 1, 2, 3, 4, each is first as often as its weight says."""
    weights = np.rint(np.log([1, 2, 3, 4]) * SCALE).astype(np.int64)
    draw = np.random.default_rng(8)
    first = [int(importance_positions(draw.integers(0, 2**64, 4, np.uint64), weights).argmin()) for _ in range(4000)]
    assert np.bincount(first) / 4000 == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.03)


def test_places_keep_the_order() -> None:
    weights = np.linspace(-1e9, 1e9, 1001).astype(np.int64)
    places = importance_positions(np.full(1001, 1 << 60, np.uint64), weights)
    assert (np.diff(places) < 0).all()
    assert places.min() >= 0
    assert places.max() < 1


def test_ratios_are_those_of_probabilities() -> None:
    found = log_ratios(np.array([8, 2, 0]), np.array([100, 800, 100]))
    expected = [math.log(0.8 / 0.1), math.log(0.2 / 0.8), math.log(UNSEEN / 0.1)]
    assert (found / SCALE).tolist() == pytest.approx(expected, abs=1e-6)
    # nothing at all: as likely here as there
    assert log_ratios(np.zeros(3, np.int64), np.zeros(3, np.int64)).tolist() == [0, 0, 0]


def test_the_noise_is_of_the_hash_alone() -> None:
    hashes = np.random.default_rng(3).integers(0, 2**64, 50, np.uint64)
    weights = np.arange(50, dtype=np.int64) * SCALE
    order = np.random.default_rng(4).permutation(50)
    found = importance_positions(hashes, weights)
    assert (importance_positions(hashes[order], weights[order]) == found[order]).all()
