"""A task over a partition, as much of it as functions of phases use: what was sent to it is given, and what it sends is
kept."""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pyarrow as pa

from dspipe.pipeline.tasks.task import Task


class PartitionTask:
    """`sent` are (sender, batch), senders ascending."""

    def __init__(self, sent: list[tuple[int, pa.RecordBatch]], memory: int = 1 << 30, partitions: int = 1) -> None:
        self.memory, self.partitions = memory, partitions
        self.received_bytes = sum(batch.nbytes for _, batch in sent)
        self.emitted: list[pa.RecordBatch] = []
        self.counters: dict[str, int] = {}
        self._sent = sent

    def received(self, also: str | None = None) -> Iterator[tuple[int, pa.RecordBatch]]:
        return iter(self._sent)

    def emit(self, partition: np.ndarray[Any, Any], batch: pa.RecordBatch) -> None:
        self.emitted.append(batch.append_column("to", pa.array(np.asarray(partition, np.int64))))

    def count(self, key: str, n: int = 1) -> None:
        self.counters[key] = self.counters.get(key, 0) + int(n)

    @property
    def task(self) -> Task:
        """Itself, for functions that ask for a task."""
        return cast("Task", self)

    def rows(self) -> list[dict[str, Any]]:
        """What was emitted, with its partition as `to`."""
        return [row for batch in self.emitted for row in batch.to_pylist()]
