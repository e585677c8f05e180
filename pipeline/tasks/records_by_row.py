"""What was sent to a shard, by row: no more of it in memory than a part of what the worker may use."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.pipeline.tasks.task import Task

_COUNTED_ROWS = 1 << 13
"""rows whose records are counted together"""


class RecordsByRow:
    """The records sent to a task over shards, all with a column `row` (uint32), given out in the order of rows.

    An eighth of the task's memory holds as many of them as fit: all, read once, or those of a range of rows, and what
    was sent is read anew for each range. Reading takes twice that.
    """

    def __init__(self, task: Task, schema: pa.Schema) -> None:
        """`schema` is that of the records, in case there are none."""
        self._task, self._schema = task, schema
        self._counted_until: npt.NDArray[np.int64] = np.zeros(1, np.int64)
        """records of all rows up to the end of each _COUNTED_ROWS rows"""
        self._max_held = 0
        self._held = schema.empty_table()
        self._held_until = 0
        """the row before which records are held"""
        size, max_bytes = task.received_bytes, task.memory // 8
        if size <= max_bytes:
            self._held_until = 1 << 32
            self._read(0)
        else:
            self._counted_until = self._count()
            self._max_held = max(1, int(max_bytes / size * self._counted_until[-1]))

    def between(self, first: int, end: int) -> pa.Table:
        """The records of the rows from `first` to `end` (exclusive), sorted by row; calls must go up the rows."""
        if end > self._held_until:
            step = first // _COUNTED_ROWS
            before = int(self._counted_until[min(step, len(self._counted_until)) - 1]) if step else 0
            steps = int(np.searchsorted(self._counted_until, before + self._max_held, side="right"))
            self._held_until = max(end, steps * _COUNTED_ROWS)
            self._read(first)
        rows = self._held.column("row").to_numpy()
        start, stop = np.searchsorted(rows, [first, end])
        return self._held.slice(start, stop - start)

    def _count(self) -> npt.NDArray[np.int64]:
        counts = np.zeros(1, np.int64)
        for _, batch in self._task.received():
            steps = np.bincount(batch.column("row").to_numpy() // _COUNTED_ROWS)
            counts = np.pad(counts, (0, max(0, len(steps) - len(counts))))
            counts[: len(steps)] += steps
        return np.cumsum(counts)

    def _read(self, first: int) -> None:
        pieces = [self._schema.empty_table()]
        for _, batch in self._task.received():
            rows = batch.column("row").to_numpy()
            chosen = (rows >= first) & (rows < self._held_until)
            if chosen.any():
                pieces.append(pa.Table.from_batches([batch.filter(pa.array(chosen))]).cast(self._schema))
        held = pa.concat_tables(pieces)
        order = np.argsort(held.column("row").to_numpy(), kind="stable")
        self._held = held.take(pa.array(order)).combine_chunks()
