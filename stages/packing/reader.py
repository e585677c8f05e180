"""Reading packed shards in a trainer. Needs numpy alone (pyarrow for Parquet shards); works with torch.

    from stages.packing.reader import PackedDataset

    data = PackedDataset("runs/quickstart", rank=rank, world_size=world_size, seed=17, epochs=4)
    for sample in data:                     # or torch.utils.data.DataLoader(data, batch_size=8, num_workers=4)
        ...                                 # tokens, position_ids, document_ids, loss_mask, domain, row
    state = data.state_dict()               # with a DataLoader, which reads ahead: state_dict(samples trained on)

For torch it is a map-style data set: its sequential sampler gives the samples in their order with any number of workers
(`epochs` must be a number for that, since it asks for the length).

All samples of all epochs stand in one line; rank r of w takes every w-th of them. So for any world size no row is
missed or seen twice within an epoch, every rank has its next sample at every step, and a state, which is a place in
that line, can be loaded with another world size.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stages.packing import mds
from stages.packing.documents import SUFFIX, Documents, load_documents

Int64 = npt.NDArray[np.int64]
Sample = dict[str, Any]

ROUNDS = 6
"""Feistel rounds of the epoch shuffle. With 4, pseudorandom round functions give a strong pseudorandom permutation
(Luby and Rackoff 1988); two more pay for a round function that is only a good mixer."""


class ShardError(ValueError):
    """A shard that isn't what the manifest says: missing, cut short, or of another size."""


class Rows(Protocol):
    """The rows of a shard."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> npt.NDArray[Any]: ...


def find_index(path: Path | str) -> Path:
    """The `index.json` of a packed data set: the file itself, or a folder's or a run's. Raises ShardError."""
    path = Path(path)
    if path.is_file():
        return path
    if (path / "index.json").is_file():
        return path / "index.json"
    found = sorted((path / "pack.index").glob("*index.json"), key=lambda file: (file.stat().st_mtime_ns, file.name))
    if not found:
        raise ShardError(f"no packed shards in {path}: it has neither index.json nor pack.index/*index.json")
    return found[-1]


class Shards:
    """The shards that a manifest names, opened when they are first read."""

    def __init__(self, path: Path | str) -> None:
        self.path = find_index(path)
        data = self.path.read_bytes()
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.index: dict[str, Any] = json.loads(data)
        self.parts: list[dict[str, Any]] = self.index["parts"]
        self.row_length: int = self.index["row_length"]
        self.dtype = np.dtype(self.index["dtype"]).newbyteorder("<")
        self.domains: list[str] = list(self.index["domains"])
        self.ends: Int64 = np.cumsum([part["rows"] for part in self.parts], dtype=np.int64)
        self._rows: dict[int, Rows] = {}
        self._documents: dict[int, Documents] = {}

    @property
    def rows(self) -> int:
        """Rows in all shards."""
        return int(self.ends[-1]) if len(self.ends) else 0

    def place(self, row: int) -> tuple[int, int]:
        """The shard of a row, and its number there."""
        shard = int(np.searchsorted(self.ends, row, side="right"))
        return shard, row - (int(self.ends[shard - 1]) if shard else 0)

    def file(self, shard: int, suffix: str) -> Path:
        """The path of a shard's file. Raises ShardError when it is missing or isn't as long as the manifest says."""
        entry = self.parts[shard]["files"][suffix]
        for folder in (self.path.parent, self.path.parent.parent):
            path = folder / str(entry["name"])
            if path.is_file():
                size = path.stat().st_size
                if size != entry["bytes"]:
                    raise ShardError(f"{path} has {size:,} bytes, the manifest says {entry['bytes']:,}")
                return path
        raise ShardError(f"{entry['name']} is missing beside {self.path}")

    def tokens(self, shard: int) -> Rows:
        """The rows of a shard, mapped into memory."""
        if shard not in self._rows:
            self._rows[shard] = self._open(shard)
        return self._rows[shard]

    def documents(self, shard: int) -> Documents:
        """The table of a shard's documents, mapped into memory."""
        if shard not in self._documents:
            self._documents[shard] = load_documents(self.file(shard, SUFFIX))
        return self._documents[shard]

    def _open(self, shard: int) -> Rows:
        rows, format = self.parts[shard]["rows"], self.index["format"]
        if format == "parquet":
            from stages.packing.parquet import ParquetRows

            return ParquetRows(self.file(shard, ".parquet"))
        suffix, offset = ".bin", 0
        if format == "mds":
            suffix, offset = ".mds", len(mds.header(rows, self.row_length, self.dtype))
        path = self.file(shard, suffix)
        expected = offset + rows * self.row_length * self.dtype.itemsize
        if path.stat().st_size != expected:
            raise ShardError(f"{path} has {path.stat().st_size:,} bytes, {rows:,} rows need {expected:,}")
        return np.memmap(path, self.dtype, "r", offset, (rows, self.row_length))


class PackedDataset:
    """Rows of packed shards for one rank: iterable, and map-style (`len`, `[i]`) from where it was started or resumed.

    seed      None: rows in the order of the shards, which pack has shuffled. A number: another order each epoch.
    epochs    how often all rows are seen; None: without end (then there is no `len`)
    """

    def __init__(
        self,
        path: Path | str,
        rank: int = 0,
        world_size: int = 1,
        seed: int | None = None,
        epochs: int | None = 1,
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} of {world_size}")
        self.shards = Shards(path)
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
        line = self._start + self.rank + self.world_size * np.arange(start, stop, dtype=np.int64)
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


def permuted(position: Int64, size: int, seed: int, epoch: int) -> Int64:
    """Where a seeded permutation of 0..size puts these positions; no table, whatever the size.

    A Feistel network over the next power of four, walked on until it lands within (Black and Rogaway 2002).
    """
    half = np.uint64(max(1, (max(size - 1, 1).bit_length() + 1) // 2))
    mask = np.uint64((1 << int(half)) - 1)
    state = np.array([(seed * 0x9E3779B97F4A7C15 + epoch) & (2**64 - 1)], np.uint64)
    keys = []
    for _ in range(ROUNDS):
        state = _mix(state + np.uint64(0x9E3779B97F4A7C15))
        keys.append(state)
    value = position.astype(np.uint64)
    left_to_do = np.arange(len(value))
    while len(left_to_do):
        left, right = value[left_to_do] >> half, value[left_to_do] & mask
        for key in keys:
            left, right = right, left ^ (_mix(right + key) & mask)
        value[left_to_do] = left << half | right
        left_to_do = left_to_do[value[left_to_do] >= size]
    return value.astype(np.int64)


def _mix(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's output function, as in `kernels.pack`, which a trainer without numba can't import."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
