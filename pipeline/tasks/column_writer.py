"""Row columns on their way out of a task: kept in step with the shard's row groups, and checked for lost documents."""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa

from dspipe.pipeline.errors import ConservationError
from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.storage.columns import RowsWriter
from dspipe.pipeline.tasks.spec import TaskSpec

ReadRows = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


class ColumnWriter:
    """Keeps written rows in step with the shard's row groups, and checks that no document is lost or judged twice."""

    def __init__(
        self, spec: TaskSpec, file: BinaryIO, schema: pa.Schema, read_rows: ReadRows, funnel: list[Funnel]
    ) -> None:
        """read_rows: the shard's rows so far, by columns; funnel: of the task, where what is counted here is added."""
        self._spec, self._schema, self._read_rows, self._funnel = spec, schema, read_rows, funnel
        self._writer = RowsWriter(file, schema)
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._makes_groups = spec.over == "inputs"
        self._decides = "reason" in schema.names
        self._rewrites = "text_bytes" in schema.names
        self._counts = (self._decides or self._rewrites) and not self._makes_groups
        if self._counts:
            measures = [name for name in ("domain", "text_bytes", "tokens") if name in spec.columns]
            self._before = read_rows(["reason", *measures])
            self._entry = Funnel(spec.phase.split(".")[0])

    @property
    def _name(self) -> str:
        return f"{self._spec.phase} {self._spec.label}"

    @property
    def groups(self) -> list[int]:
        return self._writer.groups

    def write(self, batch: pa.RecordBatch) -> None:
        if self._makes_groups:  # the text pass makes the row groups that all later files follow
            self._writer.write(batch)
            return
        self._waiting.append(batch.select(self._schema.names))
        self._rows += batch.num_rows
        while len(self.groups) < len(self._spec.groups) and self._rows >= self._spec.groups[len(self.groups)]:
            self._flush(self._spec.groups[len(self.groups)])

    def close(self) -> None:
        expected, written = sum(self._spec.groups), sum(self.groups) + self._rows
        if not self._makes_groups and expected != written:
            raise ConservationError(
                f"{self._name}: {expected:,} documents went in and {written:,} came out; {self._missing(written)}"
            )
        self._writer.close()
        if self._counts and not self._funnel:
            self._funnel.append(self._entry)
        elif self._counts:
            last = self._funnel[-1].kept.documents
            dropped = sum(entry.all_dropped().documents for entry in self._funnel)
            own_kept, own_dropped = self._entry.kept.documents, self._entry.all_dropped().documents
            if (last, dropped) != (own_kept, own_dropped):
                raise ConservationError(
                    f"{self._name}: its stages count {dropped:,} documents dropped and {last:,} kept, "
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
        if self._counts:
            before = next(self._before)
            reason = batch.column("reason") if self._decides else before.column("reason")
            changed = self._entry.add(before, reason, batch.column("text_bytes") if self._rewrites else None)
            if changed is not None:
                raise ConservationError(
                    f"{self._name}: document {self._id(sum(self.groups) + changed)} was dropped before "
                    f"({before.column('reason')[changed]}) and is now {batch.column('reason')[changed]}"
                )
        self._writer.write(batch)

    def _missing(self, written: int) -> str:
        if written > sum(self._spec.groups):
            return "a stage made rows of its own"
        return f"the first one missing is {self._id(written)}" if "id" in self._spec.columns else "rows are missing"

    def _id(self, row: int) -> str:
        if "id" not in self._spec.columns:
            return f"in row {row}"
        for batch in self._read_rows(["id"]):
            if row < batch.num_rows:
                return str(batch.column("id")[row])
            row -= batch.num_rows
        return f"in row {row}"
