"""Sending each copy of a document, with its tokens, to the partition of its order key."""

import json
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.pack.shuffle_keys import Axis
from dspipe.stages.pack.token_ids import TokenIds

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

RECORD = ["key", "id", "copy", "domain", "source", "width", "tokens"]
"""Columns of what is sent, a record for each copy of a document. `tokens` are its ids as bytes, `width` (2 or 4) to an
id: when Arrow takes rows of a list column it makes an index of 8 bytes for each element, of bytes it doesn't."""


def scatter(task: "Task", shuffle: bool) -> None:
    """Send a shard's drawn documents. Without `shuffle` they all go where the shard's place among shards says."""
    mixed = "copies" in task.spec.columns
    domain = "remix.domain" if mixed else "domain"
    columns = ["id", "source", domain, "tokens", "reason", *(["copies"] if mixed else [])]
    axis = Axis(json.loads(task.artifact("mixture")[0].read()) if mixed else None)
    if not shuffle and axis.count > 1:
        raise ConfigError("phases of a mixture need shuffle: true", ("shuffle",))
    drawn = dict.fromkeys(("documents", "tokens", "empty"), 0)
    with TokenIds(task) as token_ids:
        for batch in task.rows(columns):
            tokens = batch.column("tokens").to_numpy(zero_copy_only=False).astype(np.int64)
            stored = token_ids.take(tokens)
            kept = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
            copies = batch.column("copies").to_numpy(zero_copy_only=False).astype(np.int64) if mixed else 1
            times = np.where(kept, copies, 0)
            drawn["empty"] += int(times[tokens == 0].sum())
            times[tokens == 0] = 0
            row = np.repeat(np.arange(batch.num_rows), times)
            copy = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
            names = batch.column(domain)
            key = axis.keys(batch.column("id"), names, row, copy, task.seed)
            chosen = pa.array(row)
            records = [
                pa.array(key),
                batch.column("id").take(chosen),
                pa.array(copy.astype(np.int32)),
                names.take(chosen),
                batch.column("source").take(chosen),
                pa.array(np.full(len(row), token_ids.width, np.uint8)),
                stored.take(chosen),
            ]
            task.emit(_partition(task, key, shuffle), pa.RecordBatch.from_arrays(records, names=RECORD))
            drawn["documents"] += len(row)
            drawn["tokens"] += int(tokens[row].sum())
    for name, count in drawn.items():
        task.count(name, count)
    with task.make("drawn", ".drawn.json") as file:
        file.write(json.dumps(drawn).encode())


def _partition(task: "Task", key: npt.NDArray[np.uint64], shuffle: bool) -> npt.NDArray[np.int64]:
    """The partition of each order key, in proportion; without a shuffle that of the shard."""
    partitions = task.partitions
    if not shuffle:
        return np.full(len(key), task.shard * partitions // task.shards, np.int64)
    return ((key >> np.uint64(32)) * np.uint64(partitions) >> np.uint64(32)).astype(np.int64)
