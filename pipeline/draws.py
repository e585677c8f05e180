"""Chance for each document, the same in every run: draws and orders follow its origin and the run's seed.

`origin` (`pipeline.tasks.origins`) is used and not `id`: ids are the data's, and may be the same for all documents.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from dspipe.kernels.hashing import hash64_with

UInt64 = npt.NDArray[np.uint64]


def seeded_hashes(origins: pa.Array, seed: int, use: str = "") -> UInt64:
    """A 64-bit hash of each document (uint64 column `origin`) for this seed and use.

    Draws that must not depend on one another have different uses: else a sample of what remix draws would be of the
    documents that remix draws most.
    """
    salted = (seed ^ xxhash.xxh64_intdigest(use.encode())) if use else seed
    salt = np.array([salted & (1 << 64) - 1], np.uint64).view(np.int64)
    hashes: UInt64 = hash64_with(origins.to_numpy(zero_copy_only=False), np.repeat(salt, len(origins)))
    return hashes
