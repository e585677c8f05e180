"""Reading packed shards in a trainer. Needs numpy alone (pyarrow for Parquet shards); works with torch.

    from dspipe.stages.pack.reading.reader import PackedDataset

    data = PackedDataset("runs/quickstart", rank=rank, world_size=world_size, seed=17, epochs=4)
    for sample in data:                     # or torch.utils.data.DataLoader(data, batch_size=8, num_workers=4)
        ...                                 # tokens, position_ids, document_ids, loss_mask, domain, row
    state = data.state_dict()               # with a DataLoader, which reads ahead: state_dict(samples trained on)

For torch it is a map-style data set: its sequential sampler gives the samples in their order with any number of workers
(`epochs` must be a number for that, since it asks for the length). `stages.pack.reading.torch_data` is the iterable
one, and `stages.pack.reading.torch_loader` a loader that counts what it has given. Under torchdata's
`StatefulDataLoader` both resume where they were: it counts rows taken by number itself, so a state of this data set
leaves them out. As in `datasets`, `data[10:20]` is a batch, and `features` says what a sample has.

All samples of all epochs stand in one line; rank r of w takes every w-th of them. So for any world size no row is
missed or seen twice within an epoch, every rank has its next sample at every step, and a state, which is a position in
that line, can be loaded with another world size. Where the line ends, `uneven` says what the ranks get.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, overload

import numpy as np
import numpy.typing as npt

from dspipe.stages.pack.reading.features import describe_features
from dspipe.stages.pack.reading.handed_out import HandedOut
from dspipe.stages.pack.reading.permutation import permute
from dspipe.stages.pack.reading.shard_files import ShardError, Shards

Int64 = npt.NDArray[np.int64]
Sample = dict[str, Any]
Uneven = Literal["keep", "drop", "repeat"]

BLOCK_ROWS = 256
"""Rows whose numbers are worked out at once: numpy has its price per call."""


@dataclass
class _Progress:
    """How many samples an iteration has given."""

    samples: int = 0
    begun: bool = False


class PackedDataset:
    """Rows of packed shards for one rank: iterable, and map-style (`len`, `[i]`) from where it was started or resumed.

    Each `iter()` begins there, whatever other iterations do.

    seed      None: rows in the order of the shards, which pack has shuffled. A number: another order each epoch.
    epochs    how often all rows are seen; None: without end (then there is no `len`)
    copies    the folder for local copies of remote shards (`stages.pack.reading.remote`)
    uneven    where the samples of all epochs are no multiple of world_size: `keep`: all of them, the first ranks have
              one more. `drop`: the last few are left out, so that all ranks have as many. `repeat`: the ranks that lack
              one get a row of one more epoch, so that all have as many (as torch's DistributedSampler with and without
              drop_last, but once at the end and not once an epoch)

    Raises ShardError, ValueError.
    """

    def __init__(
        self,
        path: Path | str,
        rank: int = 0,
        world_size: int = 1,
        seed: int | None = None,
        epochs: int | None = 1,
        copies: Path | str | None = None,
        uneven: Uneven = "keep",
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} of {world_size}")
        if uneven not in get_args(Uneven):
            raise ValueError(f"uneven is {uneven!r}; give one of {', '.join(get_args(Uneven))}")
        self.shards = Shards(path, copies)
        if self.shards.rows == 0:
            raise ShardError(f"{self.shards.path} names no rows")
        self.rank, self.world_size, self.seed, self.epochs, self.uneven = rank, world_size, seed, epochs, uneven
        self.rows, self.row_length = self.shards.rows, self.shards.row_length
        self.domains = self.shards.domains
        self._start = 0  # samples of all ranks before this data set's first
        self._progress = _Progress()  # of the iteration begun last
        self._by_number = HandedOut()

    @property
    def features(self) -> dict[str, Any]:
        """The type of each field of a sample, as `datasets.Features.from_dict` reads it."""
        return describe_features(self.row_length)

    @property
    def column_names(self) -> list[str]:
        """The fields of a sample."""
        return [*self.features]

    def __len__(self) -> int:
        if self.epochs is None:
            raise TypeError("a data set without end has no length")
        left = max(0, self.rows * self.epochs - self._start)
        if self.uneven == "keep":
            left -= self.rank
        return left // self.world_size if self.uneven == "drop" else max(0, -(-left // self.world_size))

    @overload
    def __getitem__(self, number: int) -> Sample: ...

    @overload
    def __getitem__(self, number: slice) -> dict[str, npt.NDArray[Any]]: ...

    def __getitem__(self, number: int | slice) -> Sample | dict[str, npt.NDArray[Any]]:
        """A sample, counted from where it was started or resumed; of a slice, a batch: each field with one more axis.

        Below 0 is counted from the end. Raises IndexError.
        """
        self._by_number.set()
        if isinstance(number, slice):
            numbers = np.arange(len(self), dtype=np.int64)[number]
            samples = [self.sample(row) for row in self.rows_of(numbers).tolist()]
            return {name: np.array([sample[name] for sample in samples]) for name in self.column_names}
        wanted = number + len(self) if number < 0 else number
        if wanted < 0 or (self.epochs is not None and wanted >= len(self)):
            raise IndexError(f"sample {number} of {len(self)}")
        return self.sample(int(self.row_numbers(wanted, wanted + 1)[0]))

    def __iter__(self) -> Iterator[Sample]:
        self._progress = _Progress(begun=True)
        return self._iterate(self._progress, self._start, None if self.epochs is None else len(self))

    def row_numbers(self, start: int, stop: int) -> Int64:
        """The rows that this rank's samples start..stop are, counted from where it was started or resumed."""
        return self.rows_of(np.arange(start, stop, dtype=np.int64))

    def rows_of(self, samples: Int64) -> Int64:
        """The rows that these samples of this rank are, counted from where it was started or resumed."""
        return self._rows_at(self._start + self.rank + self.world_size * samples)

    def sample(self, row: int) -> Sample:
        """One row, by its number among all rows.

        tokens          int64[row length]
        position_ids    int64[row length], from 0 in each segment (also where a document goes on from an earlier row)
        document_ids    int64[row length], the number of the document's segment within the row, -1 for padding
        loss_mask       bool[row length], False for padding
        domain          int, into `domains`: the domain that most of the row's tokens are of
        row             int
        """
        shard, shard_row = self.shards.find_row(row)
        table = self.shards.table(shard)
        segments = table.segments(shard_row)
        lengths = np.asarray(table.segment_length[segments], np.int64)
        columns = np.asarray(table.segment_column[segments], np.int64)
        domains = np.asarray(table.documents.domain)[table.segment_document[segments]]
        document_ids = np.full(self.row_length, -1, np.int64)
        filled = int(lengths.sum())
        document_ids[:filled] = np.repeat(np.arange(len(lengths)), lengths)
        position_ids = np.arange(self.row_length, dtype=np.int64)
        position_ids[:filled] -= np.repeat(columns, lengths)
        position_ids[filled:] -= filled
        largest = table.documents.domains[int(np.bincount(domains, lengths).argmax())]
        return {
            "tokens": np.asarray(self.shards.tokens(shard)[shard_row]).astype(np.int64),
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
            out[i] = self.shards.tokens(shard)[row - self.shards.first_row(shard)]
        return out

    def state_dict(self, samples: int | None = None) -> dict[str, Any]:
        """The position in the line of all samples, after `samples` samples of this rank, counted from where it was
        started or resumed. Default: those that the iteration begun last has given.

        Raises ValueError without a number where rows were taken by number and not by iteration, as torch's loader does.
        """
        if samples is None and not self._progress.begun:
            self._by_number.refuse_to_guess()
        taken = self._progress.samples if samples is None else samples
        return {"samples": self._start + taken * self.world_size, "seed": self.seed, "index": self.shards.sha256}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state, which may be another world size's. Raises ValueError for other shards or another seed."""
        if state["index"] != self.shards.sha256:
            raise ValueError(f"the state was saved with other shards than {self.shards.path}")
        if state["seed"] != self.seed:
            raise ValueError(f"the state was saved with seed {state['seed']}, the data set has seed {self.seed}")
        self._start, self._progress = int(state["samples"]), _Progress()
        self._by_number.clear()

    def _iterate(self, progress: _Progress, start: int, count: int | None) -> Iterator[Sample]:
        """`count` samples (None: without end), counted from `start` in the line of all samples."""
        while count is None or progress.samples < count:
            stop = progress.samples + BLOCK_ROWS if count is None else min(progress.samples + BLOCK_ROWS, count)
            samples = np.arange(progress.samples, stop, dtype=np.int64)
            for row in self._rows_at(start + self.rank + self.world_size * samples).tolist():
                progress.samples += 1
                yield self.sample(row)

    def _rows_at(self, line: Int64) -> Int64:
        """The rows at these positions in the line of all samples."""
        epoch, position = np.divmod(line, self.rows)
        if self.seed is None:
            return position
        numbers = np.empty_like(position)
        for number in np.unique(epoch).tolist():
            chosen = epoch == number
            numbers[chosen] = permute(position[chosen], self.rows, self.seed, number)
        return numbers
