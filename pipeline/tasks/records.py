"""Records between phases: of which rows they are, to which partition they go, and what a partition has received."""

import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.doc_id import UInt32, UInt64, doc_ids
from dspipe.pipeline.tasks.spill import received_slices
from dspipe.pipeline.tasks.task import Task


def murmur_hash64(numbers: UInt64) -> UInt64:
    """A hash of each number (the finalizer of MurmurHash3): numbers of documents are no hashes yet."""
    x = numbers ^ (numbers >> np.uint64(33))
    x = x * np.uint64(0xFF51AFD7ED558CCD)
    x ^= x >> np.uint64(33)
    x = x * np.uint64(0xC4CEB9FE1A85EC53)
    x ^= x >> np.uint64(33)
    return x


def partition_of(hashes: UInt64, partitions: int) -> npt.NDArray[np.int64]:
    """The partition of each hash, from its upper 32 bits: of ascending hashes they ascend."""
    return (((hashes >> np.uint64(32)) * np.uint64(partitions)) >> np.uint64(32)).astype(np.int64)


def slice_of(hashes: UInt64, slices: int) -> UInt64:
    """In which of the slices of a partition's records those with these hashes are."""
    return (hashes >> np.uint64(16)) % np.uint64(slices)


def slices_that_fit(task: Task, sent: int = 1, held: int = 1, share: int = 4) -> int:
    """How many slices of what was sent to a task it takes for one of them to use 1 / `share` of the memory.

    `sent` are the bytes of a record in the exchange, `held` those that it takes while its slice is worked on.
    """
    return -(-task.received_bytes // sent * held * share // task.memory)


def read_kept_rows(task: Task, columns: Sequence[str]) -> Iterator[tuple[UInt32, pa.RecordBatch]]:
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


class Received:
    """Records of a partition: small columns in memory, signatures in a file without a name.

    Where a giant cluster doesn't fit the memory, the file's pages are what the operating system may take back.
    """

    def __init__(self, documents: UInt64, columns: pa.Table, signatures: UInt32) -> None:
        """`documents` are the numbers of the records' documents, `signatures` is uint32[records, length]."""
        self.documents, self.columns, self.signatures = documents, columns, signatures

    def __len__(self) -> int:
        return len(self.documents)

    def numbers(self, name: str) -> npt.NDArray[Any]:
        """A column without nulls as numpy."""
        values: npt.NDArray[Any] = self.columns.column(name).to_numpy()
        return values


def read_partition(task: Task, by: str, signature: str | None = None, share: int = 4) -> Iterator[Received]:
    """The records sent to this task, with their documents' numbers; `signature` names the column with signatures.

    They have a column `row`, and come in as many slices as it takes for one of them to use 1 / `share` of the memory.
    All records with one value of the column `by` (uint64) are in one slice.
    """
    slices = slices_that_fit(task, share=share)
    for part in received_slices(
        task, slices, lambda batch: slice_of(murmur_hash64(batch.column(by).to_numpy()), slices)
    ):
        documents, tables = [], []
        width = 0
        with tempfile.TemporaryFile() as file:
            for sender, batch in part:
                documents.append(doc_ids(sender, batch.column("row").to_numpy()))
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
                values: UInt32 = np.memmap(file, np.uint32, "r") if width else np.empty(0, np.uint32)
                yield Received(found, pa.Table.from_batches(tables), values.reshape(-1, max(1, width // 4)))
