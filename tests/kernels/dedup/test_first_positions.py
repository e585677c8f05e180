import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.dedup.first_positions import first_positions

KEYS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from([0, 1, 1 << 63, (1 << 64) - 1])), max_size=200)


@settings(deadline=None)
@given(KEYS)
def test_the_same_as_a_dictionary(keys: list[tuple[int, int]]) -> None:
    expected: dict[tuple[int, int], int] = {}
    for position, key in enumerate(keys):
        expected.setdefault(key, position)
    pairs = np.array(keys, np.uint64).reshape(-1, 2)
    found = first_positions(pairs[:, 0].copy(), pairs[:, 1].copy())
    assert found.tolist() == [expected[key] for key in keys]


@pytest.mark.parametrize("step", [1, 1 << 20, 1 << 44, 0x9E3779B97F4A7C15])
def test_keys_with_few_bits_end_too(step: int) -> None:
    numbers = np.arange(5000, dtype=np.uint64) * np.uint64(step)
    zeros = np.zeros(5000, np.uint64)
    assert first_positions(numbers, zeros).tolist() == list(range(5000))
    assert first_positions(zeros, numbers).tolist() == list(range(5000))
