"""Reading packed shards in a trainer. Needs numpy alone (pyarrow for Parquet shards); works with torch.

    from dspipe.stages.pack.reading.reader import PackedDataset

    data = PackedDataset("runs/quickstart", rank=rank, world_size=world_size, seed=17, epochs=4)
    for sample in data:                     # or torch.utils.data.DataLoader(data, batch_size=8, num_workers=4)
        ...                                 # tokens, position_ids, document_ids, loss_mask, domain, row
    state = data.state_dict()               # with a DataLoader, which reads ahead: state_dict(samples trained on)

For torch it is a map-style data set: its sequential sampler gives the samples in their order with any number of workers
(`epochs` must be a number for that, since it asks for the length). `stages.pack.reading.torch_data` is the iterable
one.

All samples of all epochs stand in one line; rank r of w takes every w-th of them. So for any world size no row is
missed or seen twice within an epoch, every rank has its next sample at every step, and a state, which is a place in
that line, can be loaded with another world size.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dspipe.stages.pack.reading.permutation import permuted
from dspipe.stages.pack.reading.shard_files import ShardError, Shards

Int64 = npt.NDArray[np.int64]
Sample = dict[str, Any]


class PackedDataset:
    """Rows of packed shards for one rank: iterable, and map-style (`len`, `[i]`) from where it was started or resumed.

    seed      None: rows in the order of the shards, which pack has shuffled. A number: another order each epoch.
    epochs    how often all rows are seen; None: without end (then there is no `len`)
    copies    the folder for local copies of remote shards (`stages.pack.reading.remote`)
    """

    def __init__(
        self,
        path: Path | str,
        rank: int = 0,
        world_size: int = 1,
        seed: int | None = None,
        epochs: int | None = 1,
        copies: Path | str | None = None,
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} of {world_size}")
        self.shards = Shards(path, copies)
        if self.shards.rows == 0:
            raise ShardError(f"{self.shards.path} names no rows")
        self.rank, self.world_size, self.seed, self.epochs = rank, world_size, seed, epochs
        self.rows, self.row_length = self.shards.rows, self.shards.row_length
        self.domains = self.shards.domains
        self._start = 0  # samples of all ranks before this data set's first
        self._taken = 0  # samples of this rank since

    def __len__(self) -> int:
        if self.epochs is None:
            raise TypeError("a data set without end has no length")
        return max(0, -(-(self.rows * self.epochs - self._start - self.rank) // self.world_size))

    def __getitem__(self, number: int) -> Sample:
        if number < 0 or (self.epochs is not None and number >= len(self)):
            raise IndexError(number)
        return self.sample(int(self.row_numbers(number, number + 1)[0]))

    def __iter__(self) -> Iterator[Sample]:
        while self.epochs is None or self._taken < len(self):
            # the permutation is worked out for many samples at once: numpy has its price per call
            stop = self._taken + 256 if self.epochs is None else min(self._taken + 256, len(self))
            for row in self.row_numbers(self._taken, stop).tolist():
                self._taken += 1
                yield self.sample(row)

    def row_numbers(self, start: int, stop: int) -> Int64:
        """The rows that this rank's samples start..stop are, counted from where it was started or resumed."""
        return self.rows_of(np.arange(start, stop, dtype=np.int64))

    def rows_of(self, samples: Int64) -> Int64:
        """The rows that these samples of this rank are, counted from where it was started or resumed."""
        line = self._start + self.rank + self.world_size * samples
        epoch, position = np.divmod(line, self.rows)
        if self.seed is None:
            return position
        numbers = np.empty_like(position)
        for number in np.unique(epoch).tolist():
            chosen = epoch == number
            numbers[chosen] = permuted(position[chosen], self.rows, self.seed, number)
        return numbers

    def sample(self, row: int) -> Sample:
        """One row, by its number among all rows.

        tokens          int64[row length]
        position_ids    int64[row length], from 0 in each piece (also where a document goes on from an earlier row)
        document_ids    int64[row length], the number of the document's piece within the row, -1 for padding
        loss_mask       bool[row length], False for padding
        domain          int, into `domains`: the domain that most of the row's tokens are of
        row             int
        """
        shard, at = self.shards.place(row)
        documents = self.shards.documents(shard)
        pieces = documents.pieces(at)
        lengths = np.asarray(documents.arrays["piece_length"][pieces], np.int64)
        columns = np.asarray(documents.arrays["piece_column"][pieces], np.int64)
        codes = np.asarray(documents.arrays["domain"])[documents.arrays["piece_document"][pieces]]
        document_ids = np.full(self.row_length, -1, np.int64)
        filled = int(lengths.sum())
        document_ids[:filled] = np.repeat(np.arange(len(lengths)), lengths)
        position_ids = np.arange(self.row_length, dtype=np.int64)
        position_ids[:filled] -= np.repeat(columns, lengths)
        position_ids[filled:] -= filled
        largest = documents.domains[int(np.bincount(codes, lengths).argmax())]
        return {
            "tokens": np.asarray(self.shards.tokens(shard)[at]).astype(np.int64),
            "position_ids": position_ids,
            "document_ids": document_ids,
            "loss_mask": document_ids >= 0,
            "domain": self.domains.index(largest),
            "row": row,
        }

    def read(self, rows: Int64) -> npt.NDArray[Any]:
        """The tokens of many rows, (rows, row length) in the shards' own type: fast, when nothing else is needed."""
        out = np.empty((len(rows), self.row_length), self.shards.dtype)
        shards = np.searchsorted(self.shards.ends, rows, side="right")
        for i, (shard, row) in enumerate(zip(shards.tolist(), np.asarray(rows).tolist(), strict=True)):
            out[i] = self.shards.tokens(shard)[row - (int(self.shards.ends[shard - 1]) if shard else 0)]
        return out

    def state_dict(self, samples: int | None = None) -> dict[str, Any]:
        """The place in the line of all samples, after `samples` samples of this rank (default: those iterated over)."""
        taken = self._taken if samples is None else samples
        return {"samples": self._start + taken * self.world_size, "seed": self.seed, "index": self.shards.sha256}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state, which may be another world size's. Raises ValueError for other shards or another seed."""
        if state["index"] != self.shards.sha256:
            raise ValueError(f"the state was saved with other shards than {self.shards.path}")
        if state["seed"] != self.seed:
            raise ValueError(f"the state was saved with seed {state['seed']}, the data set has seed {self.seed}")
        self._start, self._taken = int(state["samples"]), 0
