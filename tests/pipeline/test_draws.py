"""Chance is of origin and seed, and even."""

import numpy as np
import pyarrow as pa

from dspipe.pipeline.draws import seeded_hashes


def test_hashes_are_of_origin_and_seed_and_even() -> None:
    origins = pa.array(np.arange(4000, dtype=np.uint64))
    hashes = seeded_hashes(origins, 3)
    assert (seeded_hashes(origins.slice(100), 3) == hashes[100:]).all()
    assert not (seeded_hashes(origins, 4) == hashes).any()
    assert (seeded_hashes(origins, -1) == seeded_hashes(origins, (1 << 64) - 1)).all()
    assert np.abs(np.bincount((hashes >> np.uint64(60)).astype(int)) - 250).max() < 5 * 250**0.5
