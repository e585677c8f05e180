"""Order keys: where in the shuffle each copy of a document stands.

A key is a hash of (seed, origin, copy). Where a mixture has phases, the range of keys is cut into intervals in
proportion to the phases' tokens, and a key is moved into the interval of the phase in which the copy is seen.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.hashing import hash64_with
from dspipe.kernels.pack import scale_hashes
from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.remix.epochs import find_phases, hash_positions
from dspipe.stages.remix.mixture_plan import PhaseOrder


class OrderKeys:
    """The order keys of documents: over the whole range, or over the interval of a mixture's phase."""

    def __init__(self, seed: int, order: PhaseOrder | None = None) -> None:
        self._seed = seed
        order = order or PhaseOrder()
        shares = order.tokens
        total = max(1, sum(shares))
        ends = [(1 << 64) * sum(shares[: i + 1]) // total for i in range(len(shares))]
        self._starts = [0, *ends[:-1]]
        self._widths = [end - start for start, end in zip(self._starts, ends, strict=True)]
        self._epochs_by_phase = order.epochs
        self.phases = len(shares)

    def of(
        self, origins: pa.Array, domains: pa.Array, row: npt.NDArray[np.int64], copy: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.uint64]:
        """The order key of each copy: number copy[i] of the document origins[row[i]], of domain domains[row[i]]."""
        hashes = seeded_hashes(origins, self._seed)
        keys: npt.NDArray[np.uint64] = hash64_with(hashes[row], copy)
        if self.phases == 1:
            return keys
        names = domains.dictionary_encode()
        epochs = np.array([self._epochs_by_phase[name] for name in names.dictionary.to_pylist()], float)
        phase = find_phases(hash_positions(hashes[row]), copy, epochs[names.indices.to_numpy()[row]])
        starts, widths = np.array(self._starts, np.uint64)[phase], np.array(self._widths, np.uint64)[phase]
        moved: npt.NDArray[np.uint64] = scale_hashes(keys, starts, widths)
        return moved


def partitions_of(keys: npt.NDArray[np.uint64], partitions: int) -> npt.NDArray[np.int64]:
    """The partition of each key: they have equal parts of the range of keys."""
    found: npt.NDArray[np.int64] = ((keys >> np.uint64(32)) * np.uint64(partitions) >> np.uint64(32)).astype(np.int64)
    return found


def read_order_keys(task: Task, remixed: bool) -> OrderKeys:
    """The order keys of a task's documents, by the mixture where they were drawn by one."""
    return OrderKeys(task.seed, PhaseOrder.from_json(task.artifact("mixture_phases")[0].read()) if remixed else None)
