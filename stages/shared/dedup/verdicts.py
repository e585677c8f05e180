"""The verdicts of a round, back in the shards as row columns.

Per round of a stage, under a prefix that is the stage's name or begins with it:

    <prefix>.keeper         uint64   of a document that was dropped: the number of its kept copy (`pipeline.doc_id`);
                                     with `keep: none` of a copy, which was dropped too
    <prefix>.cluster        uint64   of every document of a cluster: the number of the cluster's oldest document
    <prefix>.cluster_size   uint32   how many documents the cluster has, kept ones among them
    <prefix>.similarity     float32  of a document that was dropped: to its kept copy, as the stage measures it
    <prefix>.duplicates     uint32   of a kept copy: how many documents were dropped for it
    <prefix>.dumps          list     of a kept copy: the dumps that it and those documents come from, at most 100
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.doc_id import doc_ids
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.dedup.tables import Tables

READ_COLUMNS = ("id", "url", "source", "dump", "reason")
"""the row columns that a phase of `write_verdicts` reads"""


def verdict_fields(prefix: str) -> tuple[pa.Field, ...]:
    """The row columns that a round writes."""
    return (
        pa.field("reason", pa.string()),
        pa.field(f"{prefix}.keeper", pa.uint64()),
        pa.field(f"{prefix}.cluster", pa.uint64()),
        pa.field(f"{prefix}.cluster_size", pa.uint32()),
        pa.field(f"{prefix}.similarity", pa.float32()),
        pa.field(f"{prefix}.duplicates", pa.uint32()),
        pa.field(f"{prefix}.dumps", pa.list_(pa.string())),
    )


def write_verdicts(task: Task, stage: StageSettings) -> None:
    """Write the row columns of a round from the verdicts received (`send_verdicts`); documents without one are kept.

    Settings: prefix; reasons, those of the documents dropped, of which a verdict has the number.
    """
    prefix, reasons = stage.settings["prefix"], pa.array(stage.settings["reasons"], pa.string())
    fields = verdict_fields(prefix)
    names = [field.name.removeprefix(f"{prefix}.") for field in fields[1:]]
    types = [field.type for field in fields[1:]]
    sent = RecordsByRow(
        task, pa.schema([("row", pa.uint32()), *zip(names, types, strict=True), ("reason", pa.uint8())])
    )
    tables = Tables()
    first = 0
    for batch in task.rows(READ_COLUMNS):
        end = first + batch.num_rows
        verdicts = sent.between(first, end)
        positions = np.full(batch.num_rows, -1, np.int64)
        positions[verdicts.column("row").to_numpy() - first] = np.arange(verdicts.num_rows)
        aligned = verdicts.take(pa.array(positions, mask=positions < 0))
        columns = {name: aligned.column(name).combine_chunks() for name in names}
        dropped = reasons.take(aligned.column("reason").combine_chunks())
        tables.add(batch, doc_ids(task.shard, np.arange(first, end)), pa.table(columns))
        arrays = [pc.coalesce(batch.column("reason"), dropped), *columns.values()]
        task.write(pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields)))
        task.progress(documents=batch.num_rows, bytes=0)
        first = end
    with task.make(f"{prefix}.tables") as file:
        file.write(tables.as_json())
