"""Order keys: where in the shuffle each copy of a document stands.

A key is a hash of (seed, id, copy). Where a mixture has phases the token axis is cut into intervals in proportion to
their tokens, and a key is moved into the interval of the phase in which the copy is seen.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.hashing import hash64_with, hash_strings
from dspipe.kernels.pack import scale_hashes
from dspipe.stages.remix.epochs import phase_of, places


class Axis:
    """The parts of the token axis that a mixture has, and the order keys of documents in them."""

    def __init__(self, plan: dict[str, Any] | None) -> None:
        shares = [phase["tokens"] for phase in plan["phases"]] if plan else [1]
        total = max(1, sum(shares))
        ends = [(1 << 64) * sum(shares[: i + 1]) // total for i in range(len(shares))]
        self._starts = [0, *ends[:-1]]
        self._widths = [end - start for start, end in zip(self._starts, ends, strict=True)]
        self._edges = {entry["domain"]: entry["edges"] for entry in plan["domains"]} if plan else {}
        self.count = len(shares)

    def keys(
        self,
        ids: pa.Array,
        domains: pa.Array,
        row: npt.NDArray[np.int64],
        copy: npt.NDArray[np.int64],
        seed: int,
    ) -> npt.NDArray[np.uint64]:
        """The order key of each copy; `row` and `copy` say which of which document."""
        hashes = hash_strings(*text_buffers(ids), np.uint64(seed & (1 << 64) - 1))
        keys: npt.NDArray[np.uint64] = hash64_with(hashes[row], copy)
        if self.count == 1:
            return keys
        names = domains.dictionary_encode()
        edges = np.array([self._edges[name] for name in names.dictionary.to_pylist()], float)
        part = phase_of(places(hashes[row]), copy, edges[names.indices.to_numpy()[row]])
        starts, widths = np.array(self._starts, np.uint64)[part], np.array(self._widths, np.uint64)[part]
        placed: npt.NDArray[np.uint64] = scale_hashes(keys, starts, widths)
        return placed
