"""Records between phases: which rows take part, where they go, and what a partition has received."""

import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import Corpus
from dspipe.pipeline.storage.spill import received_slices
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy

if TYPE_CHECKING:
    from dspipe.kernels.dedup.minhash import Signatures
    from dspipe.pipeline.tasks.task import Task

Numbers = npt.NDArray[np.uint64]
LEAST_PARTITIONS = 8
MOST_PARTITIONS = 1 << 12
MOST_OF_LARGE_SHARDS = 1 << 16
DOCUMENTS_OF_MESSAGE = 32
"""a sender has a message for each partition: with more than MOST_PARTITIONS each is to hold so many documents' records,
or it would be mostly its own head. A partition that is larger than the memory goes through slices"""
KEY_RECORD = 12
"""bytes sent of a key: itself and a row"""
BYTES_PER_KEY = 64
"""peak memory of grouping, for each record (two copies of key and document, candidate pairs)"""


def partitions_for(corpus: Corpus, bytes_per_document: float) -> int:
    """Partitions such that what each receives takes about an eighth of a worker's memory.

    `bytes_per_document` is what all records of a document take in memory. A power of two from LEAST_PARTITIONS to
    MOST_PARTITIONS, or more where shards are large: it seldom changes as dumps are added, and a change does the
    exchange again.
    """
    enough = corpus.documents * bytes_per_document / (corpus.memory / 8)
    of_shard = corpus.documents // max(1, corpus.shards)
    most = max(MOST_PARTITIONS, min(MOST_OF_LARGE_SHARDS, of_shard // DOCUMENTS_OF_MESSAGE))
    return min(1 << (most.bit_length() - 1), max(LEAST_PARTITIONS, 1 << int(enough).bit_length()))


def spread(keys: Numbers, partitions: int) -> npt.NDArray[np.int64]:
    """The partition of each key, from its upper 32 bits; keys must be hashes."""
    return (((keys >> np.uint64(32)) * np.uint64(partitions)) >> np.uint64(32)).astype(np.int64)


def mixed(numbers: Numbers) -> Numbers:
    """Hashes of document numbers (the finalizer of MurmurHash3)."""
    x = numbers ^ (numbers >> np.uint64(33))
    x = x * np.uint64(0xFF51AFD7ED558CCD)
    x ^= x >> np.uint64(33)
    x = x * np.uint64(0xC4CEB9FE1A85EC53)
    x ^= x >> np.uint64(33)
    return x


def rows_kept(task: "Task", columns: Sequence[str]) -> Iterator[tuple[npt.NDArray[np.uint32], pa.RecordBatch]]:
    """The rows of the task's shard that are still kept: (their numbers in the shard, their columns), batch by batch."""
    first = 0
    for batch in task.rows(["reason", *columns]):
        kept = pc.is_null(batch.column("reason")).to_numpy(zero_copy_only=False)
        rows = (first + np.flatnonzero(kept)).astype(np.uint32)
        first += batch.num_rows
        yield rows, batch.filter(pa.array(kept)).select(list(columns))


def record_batch(columns: dict[str, Any]) -> pa.RecordBatch:
    """A batch from numpy or Arrow arrays."""
    return pa.RecordBatch.from_arrays([pa.array(values) for values in columns.values()], names=list(columns))


def key_slices(task: "Task") -> Iterator[tuple[Numbers, Numbers]]:
    """The records (key, row) sent to this task, as keys and document numbers, documents ascending.

    All of a key's records are in one slice. There are as many slices as it takes for one of them to use a quarter of
    the memory: how many documents a byte of input holds isn't known when partitions are planned.
    """
    slices = -(-task.received_bytes // KEY_RECORD * BYTES_PER_KEY * 4 // task.memory)
    for part in received_slices(task, slices, lambda batch: slice_of(batch.column("key").to_numpy(), slices)):
        pieces = [(np.empty(0, np.uint64), np.empty(0, np.uint64))]
        for sender, batch in part:
            documents = batch.column("row").to_numpy() | np.uint64(sender << 32)
            pieces.append((batch.column("key").to_numpy(), documents))
        keys, documents = (np.concatenate(values) for values in zip(*pieces, strict=True))
        pieces.clear()
        yield keys, documents


def slice_of(hashes: Numbers, slices: int) -> Numbers:
    """In which of the slices of a partition's records those with these hashes are."""
    return (hashes >> np.uint64(16)) % np.uint64(slices)


def combined(
    policy: KeepPolicy, groups: Sequence[Numbers], orders: dict[str, Numbers], rows: npt.NDArray[np.uint32]
) -> tuple[npt.NDArray[np.int64], dict[str, pa.Array]]:
    """Rows of one batch that are alike in all `groups` as one record: (place of its best row, columns).

    Columns: `row` of the best, `copies`, the other rows (list of uint32), and `first`, the least of all of them. What
    is sent of a page that is everywhere, and what a receiver holds of it, is a few bytes for each copy.
    """
    order = policy.sort(groups, list(orders.values()), rows.astype(np.uint64))
    begins = np.ones(len(order), bool)
    begins[1:] = np.any([values[order][1:] != values[order][:-1] for values in groups], axis=0)
    starts = np.flatnonzero(begins)
    sorted_rows = rows[order]
    lengths = np.diff(np.append(starts, len(order))) - 1
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    copies = pa.ListArray.from_arrays(pa.array(offsets), pa.array(sorted_rows[~begins]))
    least = np.minimum.reduceat(sorted_rows, starts) if len(starts) else sorted_rows
    return order[starts], {"row": pa.array(sorted_rows[starts]), "copies": copies, "first": pa.array(least)}


class Received:
    """Records of a partition: small columns in memory, signatures in a file without a name.

    Where a giant cluster doesn't fit the memory, the file's pages are what the operating system may take back.
    """

    def __init__(self, documents: Numbers, columns: pa.Table, signed: "Signatures") -> None:
        self.documents, self.columns, self.signed = documents, columns, signed

    def __len__(self) -> int:
        return len(self.documents)

    @property
    def weights(self) -> npt.NDArray[np.int64]:
        """How many documents each record of `combined` stands for."""
        lengths: npt.NDArray[np.int32] = pc.list_value_length(self.columns.column("copies")).to_numpy()
        return lengths.astype(np.int64) + 1

    def numbers(self, name: str) -> npt.NDArray[Any]:
        """A column without nulls as numpy."""
        values: npt.NDArray[Any] = self.columns.column(name).to_numpy()
        return values


def received(task: "Task", by: str, signature: str | None = None) -> Iterator[Received]:
    """The records sent to this task, with their documents' numbers; `signature` names the column with signatures.

    They come in as many slices as it takes for one of them to use a quarter of the memory. All records with one value
    of the column `by` (uint64) are in one slice.
    """
    slices = -(-task.received_bytes * 4 // task.memory)
    for part in received_slices(task, slices, lambda batch: slice_of(mixed(batch.column(by).to_numpy()), slices)):
        documents, tables = [], []
        width = 0
        with tempfile.TemporaryFile() as file:
            for sender, batch in part:
                documents.append(batch.column("row").to_numpy().astype(np.uint64) | np.uint64(sender << 32))
                if signature is not None:
                    column = batch.column(signature)
                    width = column.type.byte_width
                    first, last = column.offset * width, (column.offset + len(column)) * width
                    file.write(memoryview(column.buffers()[1])[first:last])
                    batch = batch.drop_columns([signature])
                # copied: what is read is a slice of a message, signatures and all
                tables.append(batch.take(pa.array(np.arange(len(batch)))))
            file.flush()
            if documents:
                found = np.concatenate(documents)
                values: Signatures = np.memmap(file, np.uint32, "r") if width else np.empty(0, np.uint32)
                yield Received(found, pa.Table.from_batches(tables), values.reshape(-1, max(1, width // 4)))
