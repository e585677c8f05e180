"""Draws are functions of their keys."""

import numpy as np

from tools.crawl.draws import draw, draws, key, keys, unit, units


def test_arrays_of_keys_and_draws_are_the_single_ones() -> None:
    assert keys(key(3, 4), np.arange(50)).tolist() == [key(key(3, 4), i) for i in range(50)]
    assert int(draws(key(3, 4), 5)[0]) == draw(3, 4)
    assert float(units(draws(key(9), 1))[0]) == unit(9)


def test_draws_are_even_and_apart() -> None:
    drawn = units(draws(key(1), 20_000))
    assert abs(drawn.mean() - 0.5) < 0.01
    assert len(np.unique(drawn)) == 20_000
    assert abs(np.corrcoef(drawn, units(draws(key(2), 20_000)))[0, 1]) < 0.03
    assert key(1, 2) != key(2, 1)
