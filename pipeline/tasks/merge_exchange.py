"""Merging an exchange: the files of neighbouring senders become one, so that a receiver opens few of them.

Without it every partition asks every sender: 90,000 senders and 4,096 partitions are 370 million entries of indexes and
as many byte ranges, at $0.0004 a thousand requests (S3) $300, and at 30 ms each 6,000 hours of waiting. So senders come
in groups, and each merging task copies what a group sent to a range of partitions: its file holds, per partition, the
messages of all senders of the group. Messages are copied as they are, so receivers get the same records in the same
order.

A task copies about as much as SENDERS_A_TASK senders sent, whatever the group: of a thousand senders, the records of a
thirty-second of the partitions. With S senders, P partitions and groups of G the merging tasks ask for 2 S G / 32
ranges (an entry of the index and messages, from each sender's file as often as there are ranges of partitions) and
receivers for 2 P S / G; both are as many at G = sqrt(32 P), which is the size of a group. For 90,000 senders and 4,096
partitions that makes four million requests, for 65,536 partitions 17 million, where groups of sqrt(S) with a task each
need 3 and 46 million, and 352 tasks have all the work of 10,000 cores.

Merging writes an exchange a second time, so it pays from some number of requests on: with `engine.merge_above` at 2^17
senders times partitions an exchange that isn't merged takes at most 262,000 requests, $0.10 and 48 s of all that S3
answers in a second below one prefix (5,500). At 2^20 four exchanges of 9,000 senders took 209 to 295 s each of a
simulated run on 1,000 cores (`benchmarks.cluster`), and a sixth of its time.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from dspipe.pipeline.storage.exchange import ExchangeReader, Index, Message, MessageWriter, split
from dspipe.pipeline.storage.store import Store

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

Received = tuple[int, Message]
"""the number of the reader in the group, and a message"""
SENDERS_A_TASK = 32
"""as many senders' records are about what a task copies: on 10,000 cores 90,000 senders want 2,800 tasks or more, and
twice the tasks are 1.4 times the requests"""


def merge_sizes(senders: int, partitions: int) -> tuple[int, int]:
    """How many senders make a group, and of how many partitions a task merges the records: powers of two, so that they
    seldom change."""
    group = min(_power_of_two(math.sqrt(SENDERS_A_TASK * partitions)), 1 << max(0, senders - 1).bit_length())
    return group, _power_of_two(partitions * min(1.0, SENDERS_A_TASK / group))


def _power_of_two(about: float) -> int:
    return 1 << max(0, round(math.log2(max(1.0, about))))


def run(task: "Task", payload: dict[str, Any]) -> None:
    """Merge what a group of senders sent to `width` partitions from `first` on: the task of a merging phase."""
    first = payload["first"]
    name = task.spec.file(".exchange")
    with task.store.writing(name) as file:
        readers = [ExchangeReader(task.store, *layout) for _, *layout in payload["files"]]
        # those before it in the group may have sent nothing: each knows its number
        senders = [sender for sender, *_ in payload["files"]]
        last = min(first + payload["width"], max((reader.partitions for reader in readers), default=0))
        partitions = max(0, last - first)
        writer = MessageWriter(file, partitions, first)
        index = np.empty((partitions, 1, 2), np.int64)
        for partition, messages in _by_partition(task.store, readers, first, partitions, task.memory // 4):
            index[partition, 0, 0] = writer.position
            for number, (sender, records, message) in messages:
                writer.write(first + partition, senders[number] + sender, records, message)
            index[partition, 0, 1] = writer.position
        layout = writer.close(index)
    task.keep_file("exchange", payload["exchange"], name, **layout, schema=payload["schema"])


def _by_partition(
    store: Store, readers: list[ExchangeReader], start: int, partitions: int, memory: int
) -> Iterator[tuple[int, Iterator[Received]]]:
    """(partition counted from `start`, its messages and the numbers of their readers), as many partitions at a time as
    fit the memory."""
    entries = store.read_ranges([reader.index_range(start, partitions) for reader in readers])
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
    end = np.repeat(index[-1:, :, 1:], 2, axis=2) if len(index) else np.zeros((1, index.shape[1], 2), np.int64)
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
