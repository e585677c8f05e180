"""Lookups against a dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.html.lookup import MASK_64, find, make_lookup, name_key


@given(st.dictionaries(st.integers(1, MASK_64), st.integers(0, 1000), max_size=50), st.lists(st.integers(1, MASK_64)))
def test_keys_are_found_and_others_are_not(values: dict[int, int], others: list[int]) -> None:
    table = make_lookup(values.items())
    for key in [*values, *others]:
        assert find(table.keys, table.values, np.uint64(key)) == values.get(key, -1)


def test_a_key_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="two names"):
        make_lookup([(5, 1), (5, 2)])
    with pytest.raises(ValueError, match="key 0"):
        make_lookup([(0, 1)])


def test_names_have_keys_of_their_own() -> None:
    names = [a + b for a in "abcdefghij" for b in ("", "x", "longer-than-eight")]
    assert len({name_key(name) for name in names}) == len(names)
