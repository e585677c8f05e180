"""The round before a stage's own: documents that resemble a kept document of an earlier run are dropped.

    <prefix>.earlier.run          string   of a document that was dropped: the name of the run that kept its copy
    <prefix>.earlier.document     uint64   the number of that copy in its run (`pipeline.doc_id`)
    <prefix>.earlier.id           string   and its id
    <prefix>.earlier.similarity   float32  to that copy, as the stage measures it

Runs follow each other in the order of `against`. What an earlier run kept stays kept; of the copies that a document
resembles the first is named: the earliest run's oldest document.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.sorted_arrays import starts_run
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.dedup.tables import Tables
from dspipe.stages.shared.dedup.verdicts import READ_COLUMNS

_MATCHES = pa.schema(
    {"row": pa.uint32(), "run": pa.uint32(), "document": pa.uint64(), "id": pa.string(), "similarity": pa.float32()}
)
"""what is sent of a match: `run` is the position of the earlier run in `against`"""


def earlier_fields(prefix: str) -> tuple[pa.Field, ...]:
    """The row columns that the round writes."""
    return (
        pa.field("reason", pa.string()),
        pa.field(f"{prefix}.earlier.run", pa.string()),
        pa.field(f"{prefix}.earlier.document", pa.uint64()),
        pa.field(f"{prefix}.earlier.id", pa.string()),
        pa.field(f"{prefix}.earlier.similarity", pa.float32()),
    )


def write_earlier(task: Task, stage: StageSettings) -> None:
    """Drop the documents for which matches were received: records (row, run, document, id, similarity).

    Settings: prefix; reason, that of the documents dropped; runs, the names of the earlier runs.
    """
    prefix, reason = stage.settings["prefix"], stage.settings["reason"]
    fields = earlier_fields(prefix)
    matches = RecordsByRow(task, _MATCHES)
    names = pa.array(stage.settings["runs"], pa.string())
    tables = Tables()
    first = 0
    for batch in task.rows(READ_COLUMNS):
        rows = batch.num_rows
        found = _first_of_rows(matches.between(first, first + rows))
        positions = np.full(rows, -1, np.int64)
        positions[found.column("row").to_numpy() - first] = np.arange(found.num_rows)
        aligned = found.take(pa.array(positions, mask=positions < 0)).combine_chunks()
        runs = names.take(aligned.column("run").combine_chunks())
        document, id, similarity = (aligned.column(name).combine_chunks() for name in ("document", "id", "similarity"))
        dropped = pc.if_else(pc.is_valid(document), reason, pa.scalar(None, pa.string()))
        none = {name: pa.nulls(rows, pa.uint64()) for name in ("cluster", "cluster_size")}
        # no clusters are counted here, so the documents' numbers don't matter
        tables.add(batch, np.arange(first, first + rows, dtype=np.uint64), pa.table({"keeper": document, **none}))
        arrays = [pc.coalesce(batch.column("reason"), dropped), runs, document, id, similarity]
        task.write(pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields)))
        task.progress(documents=rows, bytes=0)
        first += rows
        task.count("found in earlier runs", found.num_rows)
    with task.make(f"{prefix}.earlier.tables") as file:
        file.write(tables.as_json())


def _first_of_rows(table: pa.Table) -> pa.Table:
    row, run, document = (table.column(name).to_numpy() for name in ("row", "run", "document"))
    order = np.lexsort([document, run, row])
    return table.take(pa.array(order[starts_run(row[order])]))
