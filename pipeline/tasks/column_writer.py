"""Row columns on their way out of a task: kept in step with the shard's row groups, and checked for lost documents."""

from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from dspipe.pipeline.errors import ConservationError
from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.storage.columns import RowsWriter

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task


class RowsOutput:
    """Keeps written rows in step with the shard's row groups, and checks that no document is lost or judged twice."""

    def __init__(self, task: "Task", file: BinaryIO, schema: pa.Schema) -> None:
        self._task, self._schema = task, schema
        self._writer = RowsWriter(file, schema)
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._makes_groups = task.spec.over == "inputs"
        self._decides = "reason" in schema.names and not self._makes_groups
        if self._decides:
            measures = [name for name in ("domain", "text_bytes", "tokens") if name in task.spec.columns]
            self._before = task.rows(["reason", *measures])
            self._entry = Funnel(task.spec.phase.split(".")[0])

    @property
    def groups(self) -> list[int]:
        return self._writer.groups

    def write(self, batch: pa.RecordBatch) -> None:
        if self._makes_groups:  # the text pass makes the row groups that all later files follow
            self._writer.write(batch)
            return
        self._waiting.append(batch.select(self._schema.names))
        self._rows += batch.num_rows
        while len(self.groups) < len(self._task.spec.groups) and self._rows >= self._task.spec.groups[len(self.groups)]:
            self._flush(self._task.spec.groups[len(self.groups)])

    def close(self) -> None:
        expected, written = sum(self._task.spec.groups), sum(self.groups) + self._rows
        if not self._makes_groups and expected != written:
            raise ConservationError(
                f"{self._task.name}: {expected:,} documents went in and {written:,} came out; {self._missing(written)}"
            )
        self._writer.close()
        if self._decides and not self._task.funnel:
            self._task.funnel.append(self._entry)
        elif self._decides:
            last = self._task.funnel[-1].kept.documents
            dropped = sum(entry.all_dropped().documents for entry in self._task.funnel)
            own_kept, own_dropped = self._entry.kept.documents, self._entry.all_dropped().documents
            if (last, dropped) != (own_kept, own_dropped):
                raise ConservationError(
                    f"{self._task.name}: its stages count {dropped:,} documents dropped and {last:,} kept, "
                    f"its rows say {own_dropped:,} and {own_kept:,}"
                )

    def abandon(self) -> None:
        """End the writer while its file is still open; the file is thrown away."""
        self._writer.close()

    def _flush(self, rows: int) -> None:
        table = pa.Table.from_batches(self._waiting).combine_chunks()
        (batch,) = table.slice(0, rows).combine_chunks().to_batches() if rows else (table.slice(0, 0).to_batches(),)
        rest = table.slice(rows)
        self._waiting, self._rows = rest.to_batches(), rest.num_rows
        if self._decides:
            before = next(self._before)
            changed = self._entry.add(before, batch.column("reason"))
            if changed is not None:
                raise ConservationError(
                    f"{self._task.name}: document {self._id(sum(self.groups) + changed)} was dropped before "
                    f"({before.column('reason')[changed]}) and is now {batch.column('reason')[changed]}"
                )
        self._writer.write(batch)

    def _missing(self, written: int) -> str:
        if written > sum(self._task.spec.groups):
            return "a stage made rows of its own"
        return (
            f"the first one missing is {self._id(written)}" if "id" in self._task.spec.columns else "rows are missing"
        )

    def _id(self, row: int) -> str:
        if "id" not in self._task.spec.columns:
            return f"in row {row}"
        for batch in self._task.rows(["id"]):
            if row < batch.num_rows:
                return str(batch.column("id")[row])
            row -= batch.num_rows
        return f"in row {row}"
