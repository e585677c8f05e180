"""What was sent to a task, in slices that fit its memory: read once, and cut through a temporary file.

How much a task is sent isn't known when partitions are planned, and the largest corpora have more for a partition than
fits. Reading all of it anew for each slice would cost the square of its size.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.pipeline.storage.exchange import ExchangeReader, ExchangeWriter
from dspipe.pipeline.storage.store import Store

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

_SENDER = "sender"


def received_slices(
    task: "Task", slices: int, place: Callable[[pa.RecordBatch], npt.NDArray[Any]], beside: str | None = None
) -> Iterator[Iterator[tuple[int, pa.RecordBatch]]]:
    """The records of `task.received(beside)`, slice by slice, in their order; place(batch) is the slice of each row.

    Each slice must be read to its end before the next. More than one takes the temporary directory's room for all that
    was sent, and a quarter of the task's memory while they are written.
    """
    if slices <= 1:
        yield task.received(beside)
        return
    with tempfile.TemporaryDirectory() as directory:
        with (Path(directory) / "slices").open("wb") as file:
            writer = ExchangeWriter(file, slices, max(1 << 20, task.memory // 16))
            for sender, batch in task.received(beside):
                senders = pa.array(np.full(batch.num_rows, sender, np.uint32))
                writer.write(place(batch), batch.append_column(_SENDER, senders))
            layout = writer.close()
        reader = ExchangeReader(Store(directory), "slices", layout["index"], layout["segments"], slices)
        schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(layout["schema"]))) if layout["schema"] else None
        for number in range(slices):
            yield _slice(reader, reader.ranges(Store(directory).read_range(*reader.index_range(number))), schema)


def _slice(
    reader: ExchangeReader, ranges: npt.NDArray[np.int64], schema: pa.Schema | None
) -> Iterator[tuple[int, pa.RecordBatch]]:
    for _, batch in reader.read(ranges, schema):
        senders = batch.column(_SENDER).to_numpy()
        records = batch.drop_columns([_SENDER])
        # senders ascend
        cuts = np.flatnonzero(np.diff(senders)) + 1
        for start, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(senders)], strict=True):
            yield int(senders[start]), records.slice(start, end - start)
