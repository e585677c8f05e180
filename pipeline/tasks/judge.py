"""Decisions of neighbouring map stages, one task per shard: from measured columns to verdicts, without the text."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.config.discovery import make_stage
from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.stage import MapStage
from dspipe.pipeline.tasks.task import Task


def run(task: Task, payload: dict[str, Any]) -> None:
    """The runner. Payload: stages ([name, settings] in order)."""
    stages = [make_stage(name, config, task.seed) for name, config in payload["stages"]]
    funnels = [Funnel(stage.name) for stage in stages]
    measures = [name for name in ("domain", "text_bytes", "tokens") if name in task.spec.columns]
    needed = sorted({column for stage in stages if isinstance(stage, MapStage) for column in stage.judge_columns()})
    for batch in task.rows(list(dict.fromkeys(["reason", *measures, *needed]))):
        reason = batch.column("reason").cast(pa.string())
        for stage, funnel in zip(stages, funnels, strict=True):
            assert isinstance(stage, MapStage)
            after = pc.coalesce(reason, stage.verdicts(batch))
            before = pa.RecordBatch.from_arrays(
                [reason, *[batch.column(name) for name in measures]], names=["reason", *measures]
            )
            funnel.add(before, after)
            reason = after
        task.write(pa.RecordBatch.from_arrays([reason], names=["reason"]))
        task.progress(documents=batch.num_rows, bytes=0)
    task.funnel.extend(funnels)
