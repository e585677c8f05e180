import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.remix.epochs import (
    BINS,
    Domain,
    count_copies,
    epochs_for,
    find_bins,
    find_phases,
    hash_positions,
)
from tests.stages.remix.domains import make_domain


def test_positions_are_even_and_below_one() -> None:
    assert hash_positions(np.array([0, 1 << 63, 2**64 - 1], np.uint64)).tolist() == [0, 0.5, 1 - 2**-53]
    hashes = np.random.default_rng(4).integers(0, 2**64, 100_000, np.uint64)
    assert np.bincount(find_bins(hash_positions(hashes), 4)) / 100_000 == pytest.approx([0.25] * 4, abs=0.01)


def test_copies_are_whole_epochs_and_a_part_of_the_next() -> None:
    positions = np.array([0.0, 0.24, 0.25, 0.9])
    assert count_copies(positions, np.full(4, 2.25)).tolist() == [3, 3, 2, 2]
    assert count_copies(positions, np.full(4, 0.0)).tolist() == [0, 0, 0, 0]
    assert count_copies(positions, np.full(4, 1.0)).tolist() == [1, 1, 1, 1]


@settings(deadline=None)
@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=20), st.lists(st.floats(0, 3), min_size=1, max_size=4))
def test_each_copy_has_a_phase(positions: list[float], steps: list[float]) -> None:
    epochs = np.cumsum(steps)
    copies = count_copies(np.array(positions), np.full(len(positions), epochs[-1]))
    for position, count in zip(positions, copies.tolist(), strict=True):
        copy = np.arange(count)
        found = find_phases(np.full(count, position), copy, np.tile(epochs, (count, 1)))
        for k, phase in zip(copy.tolist(), found.tolist(), strict=True):
            assert phase < len(epochs)
            by_then = count_copies(np.array([position]), epochs[phase : phase + 1])[0]
            before = count_copies(np.array([position]), epochs[phase - 1 : phase])[0] if phase else 0
            assert before <= k < by_then


def test_epochs_for_tokens() -> None:
    domain = make_domain("d", BINS * 100)
    assert epochs_for(domain, 0) == 0
    assert epochs_for(domain, BINS * 100) == 1
    assert epochs_for(domain, BINS * 250) == pytest.approx(2.5)
    assert epochs_for(make_domain("empty", 0), 5) == 0
    # all tokens stand in the last quarter of the positions
    late = Domain("late", 1, 100, np.array([0, 0, 0, 100]))
    assert epochs_for(late, 50) == pytest.approx(0.875)
    assert epochs_for(late, 150) == pytest.approx(1.875)
