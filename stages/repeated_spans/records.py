"""Records of passages: those sent to a shard in the order of its rows, and those sent to a partition."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.doc_id import UInt64, doc_ids
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.spill import received_slices
from dspipe.pipeline.tasks.task import Task

Columns = dict[str, npt.NDArray[Any]]


def read_rows_with_records(
    task: Task, schema: pa.Schema, columns: list[str]
) -> Iterator[tuple[int, pa.RecordBatch, Columns]]:
    """The batches of a shard: (their first row, the columns, the records sent to their rows by row and start).

    `schema` is that of the records and has `row` and `start`.
    """
    sent = RecordsByRow(task, schema)
    first = 0
    for batch in task.rows(columns):
        table = sent.between(first, first + batch.num_rows)
        records = {name: table[name].to_numpy() for name in schema.names}
        order = np.lexsort([records["start"], records["row"]])
        yield first, batch, {name: values[order] for name, values in records.items()}
        first += batch.num_rows


def read_passages(
    task: Task, slices: int, slice_of_rows: Callable[[pa.RecordBatch], npt.NDArray[Any]]
) -> Iterator[tuple[UInt64, Columns]]:
    """The records sent to a partition: (their documents, ascending, their columns), slice by slice.

    A column of lists comes as its values, and `sizes`.
    """
    for part in received_slices(task, slices, slice_of_rows):
        documents, batches = [], []
        for sender, batch in part:
            documents.append(doc_ids(sender, batch["row"].to_numpy()))
            batches.append(batch.drop_columns(["row"]))
        if batches:
            table = pa.Table.from_batches(batches).combine_chunks()
            columns: Columns = {}
            for name in table.column_names:
                values = table[name]
                if pa.types.is_list(values.type):
                    columns["sizes"] = pc.list_value_length(values).to_numpy().astype(np.int64)
                    values = pc.list_flatten(values)
                columns[name] = values.to_numpy()
            yield np.concatenate(documents), columns
