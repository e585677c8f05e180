"""Decisions of neighbouring map stages, one task per shard: from measured columns to verdicts, without the text."""

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.config.discovery import make_stage
from dspipe.pipeline.errors import StageContractError
from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.stage import MapStage
from dspipe.pipeline.tasks.halving import guarded, halved, setting_up
from dspipe.pipeline.tasks.limits import deadline
from dspipe.pipeline.tasks.quarantine import Quarantine, ended_worker
from dspipe.pipeline.tasks.task import Task


def run(task: Task, payload: dict[str, Any]) -> None:
    """The runner. Payload: stages ([name, settings] in order)."""
    Judging(task, payload).run()


class Judging:
    """One shard's verdicts by the stages of one phase, each of the rows that are still kept."""

    def __init__(self, task: Task, payload: dict[str, Any]) -> None:
        self.task = task
        made = [make_stage(name, config, task.seed) for name, config in payload["stages"]]
        self.stages = [stage for stage in made if isinstance(stage, MapStage)]
        self.funnels = [Funnel(stage.name) for stage in self.stages]
        self.measures = [name for name in ("domain", "text_bytes", "tokens") if name in task.spec.columns]
        self.quarantine = Quarantine()
        self.skip = {record["record"]: record for record in task.spec.skip}
        self.records = 0, 0

    def run(self) -> None:
        """Judge batch by batch; a record that makes a stage fail is dropped and goes to the quarantine."""
        needed = [column for stage in self.stages for column in (*stage.judge_columns(), *stage.concerns)]
        columns = dict.fromkeys(["id", "url", "place", "reason", *self.measures, *needed])
        ready = False
        for first, batch in self.task.numbered_rows(list(columns)):
            if not ready:
                self._set_up(batch.slice(0, 0))
                ready = True
            self.records = first, first + batch.num_rows
            reason = batch.column("reason").cast(pa.string())
            for stage, funnel in zip(self.stages, self.funnels, strict=True):
                after = pc.coalesce(reason, self._verdicts(stage, batch, reason))
                before = [reason, *[batch.column(name) for name in self.measures]]
                funnel.add(pa.RecordBatch.from_arrays(before, names=["reason", *self.measures]), after)
                reason = after
            if self.task.spec.probe is None:
                self.task.write(pa.RecordBatch.from_arrays([reason], names=["reason"]))
            self.task.progress(documents=batch.num_rows, bytes=0)
        self.task.count("quarantined", len(self.quarantine.entries))
        self.task.funnel.extend(self.funnels)
        if self.task.spec.probe is None:
            self.quarantine.check_share(self.task, self.funnels[0].entered.documents)
            self.quarantine.commit(self.task)

    def _set_up(self, none: pa.RecordBatch) -> None:
        """Let every stage read what it reads at first use, before there is a document that could be blamed."""
        for stage in self.stages:
            with setting_up(stage.name):
                stage.verdicts(none)

    def _verdicts(self, stage: MapStage[Any], batch: pa.RecordBatch, reason: pa.Array) -> pa.Array:
        """The stage's reasons, null where it keeps a row; of a record in the quarantine `quarantined.<stage>`."""

        def quarantine(record: pa.RecordBatch, error: str, peak_bytes: int | None = None) -> None:
            # what a stage says of rows that were dropped before doesn't count
            if not record.column("_dropped")[0].as_py():
                self.quarantine.add_document(stage.name, record, 0, error, peak_bytes)

        marked = batch.append_column("_dropped", pc.is_valid(reason))
        parts: list[pa.Array | None] = []
        self.task.at(stage.name, *self.records)
        start, first = 0, self.records[0]
        for row in [*self._to_skip(stage, batch.num_rows), batch.num_rows]:
            part = marked.slice(start, row - start)
            if part.num_rows or not batch.num_rows:
                with deadline(self.task.spec.deadline):
                    found = halved(part, partial(_judged, stage), lambda record, e: quarantine(record, e.error))
                parts += [verdicts for _, verdicts in found]
            if row < batch.num_rows:
                quarantine(marked.slice(row, 1), **ended_worker(self.skip[first + row]))
                parts.append(None)
            start = row + 1
        failed = pa.array([f"quarantined.{stage.name}"], pa.string())
        return pa.concat_arrays([failed if verdicts is None else verdicts for verdicts in parts])

    def _to_skip(self, stage: MapStage[Any], rows: int) -> list[int]:
        """The rows of the batch at hand on which a worker ended in this stage; the stages before it can judge them."""
        first = self.records[0]
        ended = [record["record"] - first for record in self.skip.values() if record["stage"] == stage.name]
        return sorted(row for row in ended if 0 <= row < rows)


def _judged(stage: MapStage[Any], batch: pa.RecordBatch) -> pa.Array:
    verdicts = guarded(stage.name, partial(stage.verdicts, batch))
    if len(verdicts) != batch.num_rows:
        raise StageContractError(
            f"stage {stage.name}: judge was given {batch.num_rows:,} rows and gave {len(verdicts):,} verdicts"
        )
    return verdicts.combine_chunks() if isinstance(verdicts, pa.ChunkedArray) else verdicts
