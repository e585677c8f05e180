"""Tasks made by hand, to test the functions that phases name without the phases before them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.storage.columns import RowsWriter
from dspipe.pipeline.storage.exchange import LAYOUT, ExchangeReader, OpenExchange
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import TaskSpec, inputs_file
from dspipe.pipeline.tasks.task import Task

PHASE = "test.phase"


def report(documents: int = 0, bytes: int = 0, share: float = 0.0) -> None:
    """Progress that nobody looks at."""


@dataclass
class Inputs:
    """What a task reads."""

    columns: Sequence[pa.RecordBatch] = ()
    """the row columns of its shard, a batch a row group"""
    artifacts: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    """contents by name, one of each task that made it; `name.suffix` gives the file that suffix"""
    listed: Mapping[str, Sequence[tuple[int, str, int, str]]] = field(default_factory=dict)
    """artifacts of which nothing but the list is read: number of the maker, file, size, sha256"""
    own_artifacts: Mapping[str, bytes] = field(default_factory=dict)
    received: Sequence[pa.RecordBatch] | None = None
    """records for its partition, a batch from each sender; None: it is over shards, and reads no exchange"""


def make_task(
    folder: Path,
    inputs: Inputs,
    writes: pa.Schema | None = None,
    emits: bool = False,
    partitions: int = 1,
    memory: int = 1 << 26,
    shards: int = 1,
) -> Task:
    """A task in a store at `folder`, over partitions or over shards as its inputs say."""
    store = Store(str(folder))
    artifacts = {
        name.partition(".")[0]: [_store(store, number, name, content) for number, content in enumerate(contents)]
        for name, contents in inputs.artifacts.items()
    }
    exchange: dict[str, Any] = {"schema": None, "files": []}
    for sender, batch in enumerate(inputs.received or ()):
        writer = OpenExchange(store.writing(f"{sender}.exchange"), 1, 1 << 20)
        writer.writer.write(np.zeros(batch.num_rows, np.int64), batch)
        layout = writer.commit()
        exchange["schema"] = layout["schema"]
        exchange["files"].append([sender, f"{sender}.exchange", *(layout[name] for name in LAYOUT)])
    artifacts |= {name: [list(entry) for entry in entries] for name, entries in inputs.listed.items()}
    listing = {"artifacts": artifacts, "exchanges": {"sent": exchange}, "all_shards": []}
    store.write_json(inputs_file(PHASE, listing), listing)
    columns, groups = _write_columns(store, inputs.columns)
    spec = TaskSpec(
        key="0" * 64,
        phase=PHASE,
        label="00000",
        runner="",
        payload={},
        root=str(folder),
        seed=1,
        memory=memory,
        batch_rows=1000,
        batch_bytes=1 << 20,
        shards=shards,
        number=0,
        over="shards" if inputs.received is None else "partitions",
        columns=columns,
        groups=groups,
        own_artifacts={
            name.partition(".")[0]: [_store(store, 0, f"own-{name}", content)]
            for name, content in inputs.own_artifacts.items()
        },
        inputs=inputs_file(PHASE, listing),
        exchange=None if inputs.received is None else "sent",
        writes=writes.serialize().to_pybytes().hex() if writes is not None else "",
        emits="out" if emits else None,
        partitions=partitions,
    )
    return Task(spec, store, report)


def run_function(
    function: Callable[[Task, StageSettings], None],
    task: Task,
    settings: Mapping[str, Any] | None = None,
    seed: int = 1,
) -> None:
    """Call a phase's function as the engine does, and finish what it has written."""
    with ExitStack() as stack:
        task._open(stack)
        function(task, StageSettings("stage", seed, settings or {}))
        task._finish()


def read_made(task: Task, artifact: str) -> list[bytes]:
    """The contents of the files of an artifact that a task has made."""
    return [task.store.read_bytes(file["file"]) for file in task._files if file["name"] == artifact]


def read_written(task: Task) -> pa.Table:
    """The row columns that a task has written."""
    (file,) = [entry["file"] for entry in task._files if entry["kind"] == "rows"]
    return pq.read_table(task.store.path(file))


def read_emitted(task: Task, partition: int) -> list[dict[str, Any]]:
    """The records that a task has sent to a partition."""
    (file,) = [entry for entry in task._files if entry["kind"] == "exchange"]
    if file["schema"] is None:
        return []
    reader = ExchangeReader(task.store, file["file"], *(file[name] for name in LAYOUT))
    schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(file["schema"])))
    ranges = reader.ranges(task.store.read_range(*reader.index_range(partition)))
    return [row for _, batch in reader.read(ranges, schema) for row in batch.to_pylist()]


def _store(store: Store, sender: int, name: str, content: bytes) -> list[Any]:
    file = f"made/{sender:05d}.{name}"
    store.write_bytes(file, content)
    return [sender, file, len(content), hashlib.sha256(content).hexdigest()]


def _write_columns(store: Store, batches: Sequence[pa.RecordBatch]) -> tuple[dict[str, list[str]], list[int]]:
    if not batches:
        return {}, []
    with store.writing("columns.parquet") as file:
        writer = RowsWriter(file, batches[0].schema)
        for batch in batches:
            writer.write(batch)
        writer.close()
    return {name: ["columns.parquet", "hash"] for name in batches[0].schema.names}, writer.groups
