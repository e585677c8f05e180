"""A later text pass: behind a stage that has rewritten texts, or read them, other stages measure those that are kept.

Unlike the first pass it reads a shard's stored texts, and the rows are there already: what is measured of the documents
that are still kept is written beside them, null for the others. A document that makes a stage fail is dropped as
`quarantined.<stage>`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.document import DOCUMENT, measured_schema
from dspipe.pipeline.tasks.halving import RecordError, halved
from dspipe.pipeline.tasks.limits import deadline, memory_limit, release_unused
from dspipe.pipeline.tasks.measure_chain import MeasureChain
from dspipe.pipeline.tasks.quarantine import Quarantine, ended_worker
from dspipe.pipeline.tasks.task import Task

Rows = npt.NDArray[np.int64]
"""positions in a batch, ascending"""


def run(task: Task, payload: dict[str, Any]) -> None:
    """The runner. Payload: steps (of the stages that measure), taken (the schema of the columns that documents have
    brought along from the sources' files, in hexadecimal digits)."""
    LaterTextPass(task, payload).run()


class LaterTextPass:
    """One shard's texts, read and measured once more."""

    def __init__(self, task: Task, payload: dict[str, Any]) -> None:
        self.task = task
        self.taken = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(payload["taken"])))
        self.chain = MeasureChain(payload["steps"], task.seed, self._say_place, taken=tuple(self.taken))
        self.schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(task.spec.writes)))
        self.skip = {record["record"]: record for record in task.spec.skip}
        self.records = 0, 0
        self.quarantine = Quarantine()
        self.documents = 0

    def run(self) -> None:
        """Read, measure, write; count the texts that are read."""
        probe = self.task.spec.probe
        self.chain.set_up()
        with memory_limit(self.task.memory):
            for first, batch in self.task.numbered_rows(["reason", *DOCUMENT.names, *self.taken.names]):
                self.records = first, first + batch.num_rows
                with deadline(self.task.spec.deadline):
                    measured = self._measured(batch, first)
                if probe is None:
                    self.task.write(measured)
                self.task.progress(documents=batch.num_rows, bytes=0)
                release_unused(batch.nbytes, self.task.batch_bytes)
        self.task.count("quarantined", len(self.quarantine.entries))
        if probe is None:
            self.quarantine.check_share(self.task, self.documents)
            self.quarantine.commit(self.task)

    def _say_place(self, stage: str) -> None:
        self.task.at(stage, *self.records)

    def _measured(self, batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
        """The columns to write of a batch whose first row is the shard's row `first`."""
        rows = self._rows_to_measure(batch)
        self.documents += len(rows)
        reason = batch.column("reason").cast(pa.string())
        skipped = [row for row in rows.tolist() if row + first in self.skip]
        for row in skipped:
            ended = self.skip[row + first]
            self._quarantine(ended["stage"], batch, row, **ended_worker(ended))
        reason = _filled(reason, skipped, [f"quarantined.{self.skip[row + first]['stage']}" for row in skipped])
        rows = rows[~np.isin(rows, skipped)]
        failures: list[RecordError] = []

        def note_failure(_: pa.RecordBatch, failure: RecordError) -> None:
            failures.append(failure)

        parts = halved(_given(batch, rows, self.taken), self.chain.measure, note_failure) if len(rows) else []
        sizes = np.cumsum([0, *(part.num_rows for part, _ in parts)])
        failed = [int(rows[start]) for start, (_, done) in zip(sizes, parts, strict=False) if done is None]
        for row, failure in zip(failed, failures, strict=True):
            self._quarantine(failure.stage, batch, row, failure.error)
        reason = _filled(reason, failed, [f"quarantined.{failure.stage}" for failure in failures])
        measured = [done for _, done in parts if done is not None]
        table = pa.Table.from_batches(measured, self.chain.schema).combine_chunks()
        self.task.count("documents", len(rows))
        self.task.count("bytes of text", pc.sum(batch.column("text_bytes").take(pa.array(rows))).as_py() or 0)
        return self._beside(batch, reason, rows[~np.isin(rows, failed)], table)

    def _rows_to_measure(self, batch: pa.RecordBatch) -> Rows:
        """Those that are kept."""
        kept = pc.and_(pc.is_null(batch.column("reason")), pc.is_valid(batch.column("text")))
        rows: Rows = np.flatnonzero(kept.to_numpy(zero_copy_only=False)).astype(np.int64)
        return rows

    def _beside(self, batch: pa.RecordBatch, reason: pa.Array, rows: Rows, measured: pa.Table) -> pa.RecordBatch:
        """The columns to write: `measured` for `rows`, for the others what a column was before, or null."""
        place = np.full(batch.num_rows, -1, np.int64)
        place[rows] = np.arange(len(rows))
        places, mask = pa.array(place, mask=place < 0), pa.array(place >= 0)
        arrays = [reason]
        for field in list(self.schema)[1:]:
            column = measured.column(field.name).combine_chunks()
            if len(rows) == batch.num_rows:
                arrays.append(column)
            elif field.name in batch.schema.names:
                arrays.append(pc.replace_with_mask(batch.column(field.name).cast(field.type), mask, column))
            else:
                arrays.append(column.take(places))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _quarantine(
        self, stage: str, batch: pa.RecordBatch, row: int, error: str, peak_bytes: int | None = None
    ) -> None:
        record = memoryview(batch.column("text")[row].as_buffer())
        self.quarantine.add_document(stage, batch, row, error, peak_bytes, record=record)


def _given(batch: pa.RecordBatch, rows: Rows, taken: pa.Schema) -> pa.RecordBatch:
    """The rows as `measure` is given them, with the columns that were taken along. Their raw content isn't stored."""
    if len(rows) < batch.num_rows:
        batch = batch.take(pa.array(rows))
    schema = pa.schema([*measured_schema(), *taken])
    arrays = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _filled(reason: pa.Array, rows: list[int], values: list[str]) -> pa.Array:
    """The reasons with these at the rows, which had none."""
    mask = np.zeros(len(reason), bool)
    mask[rows] = True
    return pc.replace_with_mask(reason, pa.array(mask), pa.array(values, pa.string())) if rows else reason
