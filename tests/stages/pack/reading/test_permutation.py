import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.pack.reading.permutation import permute


@given(st.integers(1, 300), st.integers(0, 2**64), st.integers(0, 5))
def test_permuted_is_a_permutation(size: int, seed: int, epoch: int) -> None:
    found = permute(np.arange(size), size, seed, epoch)
    assert sorted(found.tolist()) == list(range(size))


def test_permuted_differs_by_seed_and_epoch_and_scatters() -> None:
    size = 10_000
    first, second, third = (permute(np.arange(size), size, seed, epoch) for seed, epoch in ((1, 0), (1, 1), (2, 0)))
    assert (first == second).mean() < 0.01
    assert (first == third).mean() < 0.01
    assert abs(np.corrcoef(np.arange(size), first)[0, 1]) < 0.05
