"""What was sent to a shard, by row: no more of it in memory than a part of what the worker may use."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

_STEP = 1 << 13
"""rows counted together"""


class RecordsByRow:
    """The records sent to a task over shards, all with a column `row` (uint32), given out in the order of rows.

    What is held fits an eighth of the memory: all of them, read once, or what they are read anew for as often as it
    takes. Reading takes twice that.
    """

    def __init__(self, task: "Task", schema: pa.Schema) -> None:
        """`schema` is that of the records, in case there are none."""
        self._task, self._schema = task, schema
        size, most = task.received_bytes, task.memory // 8
        self._until, self._most = np.zeros(1, np.int64), 0
        self._held = schema.empty_table()
        self._end = 0
        if size <= most:
            self._end = 1 << 32
            self._read(0)
        else:
            self._count()
            self._most = max(1, int(most / size * self._until[-1]))

    def _count(self) -> None:
        counts = np.zeros(1, np.int64)
        for _, batch in self._task.received():
            steps = np.bincount(batch.column("row").to_numpy() // _STEP)
            counts = np.pad(counts, (0, max(0, len(steps) - len(counts))))
            counts[: len(steps)] += steps
        self._until = np.cumsum(counts)

    def between(self, first: int, end: int) -> pa.Table:
        """The records of the rows from `first` to `end` (exclusive), sorted by row; calls must go up the rows."""
        if end > self._end:
            step = first // _STEP
            before = int(self._until[min(step, len(self._until)) - 1]) if step else 0
            steps = int(np.searchsorted(self._until, before + self._most, side="right"))
            self._end = max(end, steps * _STEP)
            self._read(first)
        rows = self._held.column("row").to_numpy()
        start, stop = np.searchsorted(rows, [first, end])
        return self._held.slice(start, stop - start)

    def _read(self, first: int) -> None:
        pieces = [self._schema.empty_table()]
        for _, batch in self._task.received():
            rows = batch.column("row").to_numpy()
            chosen = (rows >= first) & (rows < self._end)
            if chosen.any():
                pieces.append(pa.Table.from_batches([batch.filter(pa.array(chosen))]).cast(self._schema))
        held = pa.concat_tables(pieces)
        order = np.argsort(held.column("row").to_numpy(), kind="stable")
        self._held = held.take(pa.array(order)).combine_chunks()
