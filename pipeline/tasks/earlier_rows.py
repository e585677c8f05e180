"""Rows that the text pass made of a shard before, where only the documents that failed then are to be measured again.

The shard's files are read again, since no format can be asked for a record by its place alone (a line of a compressed
file has all lines before it); reading is the lesser part of the work. The same files give the same batches, so each row
group holds what came of one batch.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.storage.columns import Column, read_rows
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import MadeBefore


class EarlierRows:
    """What a task made before, batch by batch, in the schema that it makes now."""

    def __init__(self, store: Store, before: MadeBefore, schema: pa.Schema) -> None:
        columns = {name: Column(*place) for name, place in before["columns"].items()}
        self._schema = schema
        self._groups = read_rows(store, columns, schema.names, before["groups"])
        self._next: pa.RecordBatch | None = None

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch | None:
        """What was made of the next batch of documents; None where nothing was, or what was isn't of this batch."""
        if self._next is None:
            self._next = next(self._groups, None)
        if self._next is None:
            return None
        found = pc.is_in(self._next.column("origin"), batch.column("origin"))
        if not pc.all(found).as_py():
            return None
        rows, self._next = self._next, None
        return rows.cast(self._schema)


def without(batch: pa.RecordBatch, rows: pa.RecordBatch) -> pa.RecordBatch:
    """The documents of the batch that there are no rows of."""
    return batch.filter(pc.invert(pc.is_in(batch.column("origin"), rows.column("origin"))))


def in_order_of(batch: pa.RecordBatch, parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of the batch's documents as one batch, in the order of the documents."""
    table = pa.Table.from_batches(parts)
    order = pc.sort_indices(pc.index_in(table.column("origin"), batch.column("origin")))
    return table.take(order).combine_chunks().to_batches()[0]
