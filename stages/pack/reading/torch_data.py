"""Packed shards for torch, as an iterable data set: also without end, and in the same order for any number of workers.

    from dspipe.stages.pack.reading.torch_data import PackedIterable

    data = PackedIterable("runs/quickstart", batch_size=8, seed=17, epochs=None)
    for batch in torch.utils.data.DataLoader(data, batch_size=8, num_workers=4):
        ...
    state = data.state_dict(samples)        # samples of this rank trained on so far; later: load_state_dict(state)

`stages.pack.reading.torch_loader` is a loader that counts the samples; torchdata's `StatefulDataLoader` does too, and
takes its state from each worker's iteration.

A loader takes whole batches from its workers in turn. So worker w of n makes the batches w, w + n, w + 2 n, ... of the
rank's samples: together the samples of `PackedDataset`, in its order, none twice and none missing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed
from torch.utils.data import IterableDataset, get_worker_info

from dspipe.stages.pack.reading.handed_out import HandedOut
from dspipe.stages.pack.reading.reader import BLOCK_ROWS, PackedDataset, Sample, Uneven


class PackedIterable(IterableDataset[Sample]):  # type: ignore[misc, unused-ignore]
    """Rows of packed shards for one rank, as tensors; `PackedDataset.sample` says which.

    batch_size        the loader's (1 for a loader with batch_size=None)
    rank, world_size  default: those of torch.distributed where that is initialised, else 0 of 1
    seed, epochs, copies, uneven    as in `PackedDataset`

    Each iteration begins where the data set was started or resumed. A loader's workers have copies of the data set:
    load a state before the loader is first iterated over. Raises ShardError, ValueError.
    """

    def __init__(
        self,
        path: Path | str,
        batch_size: int = 1,
        rank: int | None = None,
        world_size: int | None = None,
        seed: int | None = None,
        epochs: int | None = 1,
        copies: Path | str | None = None,
        uneven: Uneven = "keep",
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size {batch_size}")
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        if rank is None:
            rank = torch.distributed.get_rank() if distributed else 0
        if world_size is None:
            world_size = torch.distributed.get_world_size() if distributed else 1
        self.batch_size = batch_size
        self.data = PackedDataset(path, rank, world_size, seed, epochs, copies, uneven)
        self._handed_out = HandedOut()

    def __len__(self) -> int:
        """This rank's samples from where it was started or resumed. Raises TypeError for a data set without end."""
        return len(self.data)

    def __iter__(self) -> "WorkerSamples":
        self._handed_out.set()
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        return WorkerSamples(self.data, self.batch_size, worker, workers)

    def state_dict(self, samples: int | None = None) -> dict[str, Any]:
        """The position after `samples` samples of this rank, counted from where it was started or resumed.

        They must be given, since a loader reads ahead of what has been trained on; without them, this is where it was
        started or resumed, as torchdata's loader asks. Raises ValueError where any other loader has taken rows.
        """
        if samples is None:
            self._handed_out.refuse_to_guess()
        return self.data.state_dict(samples or 0)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state, which may be another world size's. Raises ValueError for other shards or another seed."""
        self.data.load_state_dict(state)
        self._handed_out.clear()


class WorkerSamples(Iterator[Sample]):
    """The samples of one of a loader's workers, as tensors. Its state is how many it has given."""

    def __init__(self, data: PackedDataset, batch_size: int, worker: int, workers: int) -> None:
        self._data, self._batch_size, self._worker, self._workers = data, batch_size, worker, workers
        self._end = None if data.epochs is None else len(data)
        self._given = 0
        self._rows: list[int] = []  # of the block that the next sample is in

    def __next__(self) -> Sample:
        within = self._given % BLOCK_ROWS
        if within == 0 or not self._rows:
            self._rows = self._find_rows(self._given - within)
        if within >= len(self._rows):
            raise StopIteration
        self._given += 1
        return {name: _to_tensor(value) for name, value in self._data.sample(self._rows[within]).items()}

    def state_dict(self) -> dict[str, int]:
        """How many samples it has given."""
        return {"given": self._given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on after so many samples."""
        self._given, self._rows = state["given"], []

    def _find_rows(self, first: int) -> list[int]:
        """The rows of the worker's samples first..first + BLOCK_ROWS."""
        batch, position = np.divmod(np.arange(first, first + BLOCK_ROWS, dtype=np.int64), self._batch_size)
        samples = (batch * self._workers + self._worker) * self._batch_size + position
        if self._end is not None:
            samples = samples[samples < self._end]
        rows: list[int] = self._data.rows_of(samples).tolist()
        return rows


def _to_tensor(value: Any) -> Any:
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value
