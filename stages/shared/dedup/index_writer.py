"""Writes a partition of the kept index (`kept_index`)."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import pyarrow as pa

from dspipe.pipeline.doc_id import UInt64, doc_ids
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import slices_that_fit
from dspipe.pipeline.tasks.spill import received_slices
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.dedup.index_format import IndexWriter


def write_index(task: Task, stage: StageSettings) -> None:
    """Sort the records (key, row, others) sent to this partition into a file of the artifact `<prefix>.index`.

    They are read in as many slices of the range of keys as it takes for one of them to use a quarter of the memory.
    Settings: prefix; made_with, the settings that the keys depend on, which are written with the index.
    """
    slices = max(1, slices_that_fit(task))
    bounds = [(int(upper.min()), int(upper.max())) for upper in map(_upper, _batches(task) if slices > 1 else ())]
    smallest, largest = min((low for low, _ in bounds), default=0), max((high for _, high in bounds), default=0)

    def slice_of(batch: pa.RecordBatch) -> UInt64:
        return (_upper(batch) - np.uint64(smallest)) * np.uint64(slices) // np.uint64(largest - smallest + 1)

    schema = next((batch.schema for batch in _batches(task)), pa.schema([]))
    others = [field for field in schema if field.name not in ("key", "row")]
    fields = [pa.field("key", pa.uint64()), pa.field("document", pa.uint64()), *others]
    schema = pa.schema(fields)
    with (
        task.make(f"{stage.settings['prefix']}.index", ".parquet") as file,
        IndexWriter(file, schema, stage.settings["made_with"]) as writer,
    ):
        for part in received_slices(task, slices, slice_of):
            tables = []
            for sender, batch in part:
                documents = doc_ids(sender, batch.column("row").to_numpy())
                columns = [batch.column("key"), pa.array(documents), *(batch.column(field.name) for field in others)]
                tables.append(pa.table(columns, schema=schema))
            if tables:
                found = pa.concat_tables(tables).sort_by([("key", "ascending"), ("document", "ascending")])
                writer.write(found)
                task.count("entries", found.num_rows)


def _batches(task: Task) -> Iterator[pa.RecordBatch]:
    return (batch for _, batch in task.received())


def _upper(batch: pa.RecordBatch) -> UInt64:
    return cast("UInt64", batch.column("key").to_numpy() >> np.uint64(32))
