"""Where documents come from, as numbers: what draws and orders follow, and whether ids repeat.

Ids are names that the data gives: they may be the same for all (a field `id` that names the split), or numbers that two
sources count from 0. What has to differ from document to document follows the origin instead: source, file and place.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.hashing import hash_strings

UInt64 = npt.NDArray[np.uint64]

ID_SAMPLE = "id sample"
"""the note of a text pass's task that `repeated_ids` reads"""
SAMPLED_IDS = 20_000
"""of a run, about: ids are sampled by their hash, so that a repeated id is in the sample with all its documents"""


def origins_of(source: str, places: pa.Array, folder: str = "") -> UInt64:
    """A 64-bit hash of the source's name and each place (string: file name and position) below a folder."""
    if folder:
        below = pc.utf8_slice_codeunits(places, len(folder))
        places = pc.if_else(pc.starts_with(places, folder), below, places)
    hashes: UInt64 = hash_strings(*text_buffers(places), np.uint64(xxhash.xxh64_intdigest(source.encode())))
    return hashes


class IdSample:
    """The hashes of a shard's ids that are below a limit."""

    def __init__(self, documents: int) -> None:
        """documents: of the whole run, about."""
        share = min(1.0, SAMPLED_IDS / max(1, documents))
        self._limit = np.uint64(min((1 << 64) - 1, int(share * (1 << 64))))
        self._hashes: list[int] = []

    def add(self, ids: pa.Array) -> None:
        """Look at a batch's ids."""
        hashes = hash_strings(*text_buffers(ids), np.uint64(0))
        self._hashes += hashes[hashes < self._limit].tolist()

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"limit": int(self._limit), "hashes": self._hashes[: 4 * SAMPLED_IDS]}


def repeated_ids(samples: Iterable[Mapping[str, Any]]) -> tuple[int, int, float]:
    """(documents sampled, those of them whose id another one has, the share of all documents that was sampled)."""
    known = [sample for sample in samples if sample]
    limit = min((sample["limit"] for sample in known), default=0)
    hashes: Sequence[int] = [value for sample in known for value in sample["hashes"] if value < limit]
    _, counts = np.unique(np.array(hashes, np.uint64), return_counts=True)
    return len(hashes), int(counts[counts > 1].sum()), limit / (1 << 64)
