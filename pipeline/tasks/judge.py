"""Decisions of neighbouring map stages, one task per shard: from measured columns to verdicts, without the text."""

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.config.discovery import make_stage
from dspipe.pipeline.errors import StageContractError
from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.stage import MapStage
from dspipe.pipeline.tasks.halving import RecordError, guarded, halved, setting_up
from dspipe.pipeline.tasks.quarantine import Quarantine
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

    def run(self) -> None:
        """Judge batch by batch; a record that makes a stage fail is dropped and goes to the quarantine."""
        needed = [column for stage in self.stages for column in stage.judge_columns()]
        columns = dict.fromkeys(["id", "url", "place", "reason", *self.measures, *needed])
        ready = False
        for batch in self.task.rows(list(columns)):
            if not ready:
                self._set_up(batch.slice(0, 0))
                ready = True
            reason = batch.column("reason").cast(pa.string())
            for stage, funnel in zip(self.stages, self.funnels, strict=True):
                after = pc.coalesce(reason, self._verdicts(stage, batch, reason))
                before = [reason, *[batch.column(name) for name in self.measures]]
                funnel.add(pa.RecordBatch.from_arrays(before, names=["reason", *self.measures]), after)
                reason = after
            self.task.write(pa.RecordBatch.from_arrays([reason], names=["reason"]))
            self.task.progress(documents=batch.num_rows, bytes=0)
        self.task.count("quarantined", len(self.quarantine.entries))
        self.task.funnel.extend(self.funnels)
        self.quarantine.check_share(self.task, self.funnels[0].entered.documents)
        self.quarantine.commit(self.task)

    def _set_up(self, none: pa.RecordBatch) -> None:
        """Let every stage read what it reads at first use, before there is a document that could be blamed."""
        for stage in self.stages:
            with setting_up(stage.name):
                stage.verdicts(none)

    def _verdicts(self, stage: MapStage[Any], batch: pa.RecordBatch, reason: pa.Array) -> pa.Array:
        """The stage's reasons, null where it keeps a row; of a record in the quarantine `quarantined.<stage>`."""

        def quarantine(record: pa.RecordBatch, failure: RecordError) -> None:
            if record.column("_dropped")[0].as_py():
                return  # what a stage says of rows that were dropped before doesn't count
            values = {name: record.column(name)[0].as_py() for name in ("id", "url", "place")}
            self.quarantine.add(stage.name, error=failure.error, **values)

        marked = batch.append_column("_dropped", pc.is_valid(reason))
        parts = halved(marked, partial(_judged, stage), quarantine)
        failed = pa.array([f"quarantined.{stage.name}"], pa.string())
        return pa.concat_arrays([failed if verdicts is None else verdicts for _, verdicts in parts])


def _judged(stage: MapStage[Any], batch: pa.RecordBatch) -> pa.Array:
    verdicts = guarded(stage.name, partial(stage.verdicts, batch))
    if len(verdicts) != batch.num_rows:
        raise StageContractError(
            f"stage {stage.name}: judge was given {batch.num_rows:,} rows and gave {len(verdicts):,} verdicts"
        )
    return verdicts.combine_chunks() if isinstance(verdicts, pa.ChunkedArray) else verdicts
