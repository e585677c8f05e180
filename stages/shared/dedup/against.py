"""The round before a stage's own: documents that resemble a kept document of an earlier run are dropped.

    <prefix>.earlier.run          string   of a document that was dropped: the name of the run that kept its copy
    <prefix>.earlier.document     uint64   the number of that copy there (shard << 32 | row)
    <prefix>.earlier.id           string   and its id
    <prefix>.earlier.similarity   float32  to that copy, as the stage measures it

Runs follow each other in the order of `against`. What an earlier run kept stays kept; of the copies that a document
resembles the first is named: the earliest run's oldest document.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import Phase
from dspipe.pipeline.storage.records_by_row import RecordsByRow
from dspipe.pipeline.storage.store import Store
from dspipe.stages.shared.dedup.kept_index import KeptIndex
from dspipe.stages.shared.dedup.report import Tables

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

_MATCHES = pa.schema(
    {"row": pa.uint32(), "run": pa.uint32(), "document": pa.uint64(), "id": pa.string(), "similarity": pa.float32()}
)


def earlier_fields(prefix: str) -> tuple[pa.Field, ...]:
    """The row columns that the round writes."""
    return (
        pa.field("reason", pa.string()),
        pa.field(f"{prefix}.earlier.run", pa.string()),
        pa.field(f"{prefix}.earlier.document", pa.uint64()),
        pa.field(f"{prefix}.earlier.id", pa.string()),
        pa.field(f"{prefix}.earlier.similarity", pa.float32()),
    )


def earlier_phase(prefix: str, exchange: str, method: str, indexes: list[KeptIndex]) -> Phase:
    """From the exchange of matches to row columns."""
    return Phase(
        f"{prefix}.earlier",
        "shards",
        method,
        columns=("id", "url", "source", "dump", "reason"),
        exchange=exchange,
        writes=earlier_fields(prefix),
        makes_artifacts=(f"{prefix}.earlier.tables",),
        settings={"prefix": prefix, "against": [index.run for index in indexes]},
    )


def write_earlier(task: "Task", prefix: str, reason: str, indexes: list[KeptIndex]) -> None:
    """Drop the documents that were sent back: records (row, run, document, id, similarity), several for one if so."""
    fields = earlier_fields(prefix)
    matches = RecordsByRow(task, _MATCHES)
    names = pa.array([index.run for index in indexes], pa.string())
    tables = Tables()
    first = 0
    for batch in task.rows(["id", "url", "source", "dump", "reason"]):
        rows = batch.num_rows
        found = _first_of_rows(matches.between(first, first + rows))
        places = np.full(rows, -1, np.int64)
        places[found.column("row").to_numpy() - first] = np.arange(found.num_rows)
        taken = found.take(pa.array(places, mask=places < 0)).combine_chunks()
        runs = names.take(taken.column("run").combine_chunks())
        document, id, similarity = (taken.column(name).combine_chunks() for name in ("document", "id", "similarity"))
        dropped = pc.if_else(pc.is_valid(document), reason, pa.scalar(None, pa.string()))
        none = {name: pa.nulls(rows, pa.uint64()) for name in ("cluster", "cluster_size")}
        tables.add(batch, np.arange(first, first + rows, dtype=np.uint64), pa.table({"keeper": document, **none}))
        arrays = [pc.coalesce(batch.column("reason"), dropped), runs, document, id, similarity]
        task.write(pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields)))
        task.progress(documents=rows, bytes=0)
        first += rows
        task.count("found in earlier runs", found.num_rows)
    with task.make(f"{prefix}.earlier.tables") as file:
        file.write(tables.as_json())


def earlier_dumps(indexes: list[KeptIndex]) -> list[dict[str, Any]]:
    """What the earlier runs' own dumps lost: rows of the table by dump."""
    rows: list[dict[str, Any]] = []
    for index in indexes:
        for name in index.reports:
            rows += json.loads(Store(index.root).read_bytes(name))["by dump"]
    return rows


def _first_of_rows(table: pa.Table) -> pa.Table:
    row, run, document = (table.column(name).to_numpy() for name in ("row", "run", "document"))
    order = np.lexsort([document, run, row])
    begins = np.ones(len(order), bool)
    begins[1:] = row[order][1:] != row[order][:-1]
    return table.take(pa.array(order[begins]))
