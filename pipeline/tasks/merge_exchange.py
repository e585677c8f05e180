"""Merging an exchange: the files of neighbouring senders become one, so that a receiver opens few of them.

Without it every partition asks every sender: 90,000 senders and 4,096 partitions are 370 million entries of indexes and
as many byte ranges, at $0.0004 a thousand requests (S3) $300, and at 30 ms each 6,000 hours of waiting. With groups of
the square root of the senders, a merge reads each sender's file in a few large ranges, and a partition asks 352 files:
three million requests. Messages are copied as they are, so receivers get the same records in the same order.

Merging writes an exchange a second time, so it pays from some number of requests on: with `engine.merge_above` at 2^20
senders times partitions an exchange that isn't merged takes at most two million, $0.84 and 17 hours over all workers.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from dspipe.pipeline.errors import ConservationError
from dspipe.pipeline.storage.exchange import LAYOUT, ExchangeReader, Index, Message, MessageWriter, split
from dspipe.pipeline.storage.store import Store

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

Received = tuple[int, Message]
"""the number of the reader in the group, and a message"""


def group_size(senders: int) -> int:
    """How many senders to merge into one file: about the square root, a power of two so that it seldom changes."""
    return 1 << round(math.log2(max(1, senders)) / 2)


def run(task: "Task", payload: dict[str, Any]) -> None:
    """Merge the files of one group of senders: the task of a merging phase. Raises ConservationError."""
    files = payload["files"]
    name = task.spec.file(".exchange")
    with task.store.writing(name) as file:
        partitions = max((entry["partitions"] for entry in files), default=0)
        writer = MessageWriter(file, partitions)
        readers = [ExchangeReader(task.store, entry["file"], *(entry[name] for name in LAYOUT)) for entry in files]
        # those before it in the group may have sent nothing: each knows its number
        senders = [entry["sender"] for entry in files]
        index = np.empty((partitions, 1, 2), np.int64)
        for partition, messages in _by_partition(task.store, readers, partitions, task.memory // 4):
            index[partition, 0, 0] = writer.position
            for number, (sender, records, message) in messages:
                writer.write(partition, senders[number] + sender, records, message)
            index[partition, 0, 1] = writer.position
        layout = writer.close(index)
    expected = sum(entry["records"] for entry in files)
    if writer.records != expected:
        raise ConservationError(f"{task.name}: {expected:,} records were sent, {writer.records:,} were merged")
    schema = files[0]["schema"] if files else None
    task.keep_file("exchange", payload["exchange"], name, **layout, schema=schema)


def _by_partition(
    store: Store, readers: list[ExchangeReader], partitions: int, memory: int
) -> Iterator[tuple[int, Iterator[Received]]]:
    """(partition, its messages and the numbers of their readers), as many partitions at a time as fit the memory."""
    entries = store.read_ranges([reader.index_range(0, partitions) for reader in readers])
    indexes = [
        _with_partitions(reader.entries(data), partitions) for reader, data in zip(readers, entries, strict=True)
    ]
    sizes = np.zeros(partitions, np.int64)
    for index in indexes:
        sizes += (index[:, :, 1] - index[:, :, 0]).sum(axis=1)
    ends = np.cumsum(sizes)
    first = 0
    while first < partitions:
        end = int(np.searchsorted(ends, ends[first] - sizes[first] + memory, side="right"))
        if end <= first:  # one that doesn't fit
            end = first + 1
            yield first, _passing(readers, [index[first] for index in indexes])
        else:
            parts = [
                (number, reader, ranges)
                for number, (reader, index) in enumerate(zip(readers, indexes, strict=True))
                for ranges in index[first:end].swapaxes(0, 1)
            ]
            data = store.read_ranges([(reader.name, int(r[0, 0]), int(r[-1, 1] - r[0, 0])) for _, reader, r in parts])
            held = [
                (number, reader.path, ranges - ranges[0, 0], pa.py_buffer(piece))
                for (number, reader, ranges), piece in zip(parts, data, strict=True)
            ]
            for partition in range(first, end):
                yield partition, _held(held, partition - first)
        first = end


def _with_partitions(index: Index, partitions: int) -> Index:
    """The index with entries for the partitions that its file doesn't have: empty ones, behind all messages."""
    end = np.repeat(index[-1:, :, 1:], 2, axis=2)
    return np.concatenate([index, np.repeat(end, partitions - len(index), axis=0)])


def _passing(readers: list[ExchangeReader], entries: list[Index]) -> Iterator[Received]:
    for number, (reader, entry) in enumerate(zip(readers, entries, strict=True)):
        for start, end in entry.tolist():
            for message in reader.messages(start, end):
                yield number, message


def _held(held: list[tuple[int, str, Index, pa.Buffer]], partition: int) -> Iterator[Received]:
    for number, path, ranges, data in held:
        start, end = ranges[partition].tolist()
        for message in split(data.slice(start, end - start), path):
            yield number, message
