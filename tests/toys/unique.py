"""A global stage with every kind of phase: keeps one document of each text, reports how many there were."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, StageConfig, StageSettings
from dspipe.pipeline.tasks.task import Task

PARTITIONS = 3


class UniqueConfig(StageConfig):
    lose: bool = False
    change: bool = False


class Unique(GlobalStage[UniqueConfig]):
    Config = UniqueConfig

    def measured_columns(self) -> tuple[pa.Field, ...]:
        return (pa.field("unique.key", pa.int64()),)

    def measure_settings(self) -> dict[str, str]:
        return {}

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        keys = [sum(text.encode()) if text else 0 for text in batch.column("text").to_pylist()]
        return batch.append_column("unique.key", pa.array(keys, pa.int64()))

    def phases(self, corpus: Corpus) -> list[Phase]:
        return [
            Phase("unique.emit", "shards", f"{__name__}:emit", "Send keys", columns=("unique.key",),
                  emits="unique.keys", partitions=PARTITIONS),
            Phase("unique.reduce", "partitions", f"{__name__}:reduce", "Find repeated keys", exchange="unique.keys",
                  emits="unique.losers"),
            Phase("unique.verdicts", "shards", f"{__name__}:verdicts", "Drop repeated documents",
                  self.config.model_dump(), exchange="unique.losers", writes=(pa.field("reason", pa.string()),)),
            Phase("unique.report", "once", f"{__name__}:report", "Count", all_shards_columns=("unique.key",),
                  makes_artifacts=("report",)),
        ]  # fmt: skip


def emit(task: Task, stage: StageSettings) -> None:
    first = 0
    for batch in task.rows(["unique.key", "reason"]):
        rows = np.arange(first, first + batch.num_rows, dtype=np.uint32)
        first += batch.num_rows
        kept = pc.is_null(batch.column("reason"))
        keys = batch.column("unique.key").filter(kept)
        records = pa.RecordBatch.from_arrays([keys, pa.array(rows).filter(kept)], names=["key", "row"])
        task.emit(keys.to_numpy(zero_copy_only=False) % PARTITIONS, records)


def reduce(task: Task, stage: StageSettings) -> None:
    seen: set[int] = set()
    for sender, batch in task.received():
        losers = []
        for row, key in enumerate(batch.column("key").to_pylist()):
            if key in seen:
                losers.append(row)
            seen.add(key)
        rows = batch.column("row").take(pa.array(losers, pa.int64()))
        task.emit(np.full(len(losers), sender), pa.RecordBatch.from_arrays([rows], names=["row"]))


def verdicts(task: Task, stage: StageSettings) -> None:
    losers = {row for _, batch in task.received() for row in batch.column("row").to_pylist()}
    first = 0
    for batch in task.rows(["reason"]):
        reasons = [
            reason if reason is not None else "unique.repeated" if first + row in losers else None
            for row, reason in enumerate(batch.column("reason").to_pylist())
        ]
        first += batch.num_rows
        if stage.settings["change"]:
            reasons = [None for _ in reasons]
        if stage.settings["lose"]:
            reasons = reasons[1:]
        task.write(pa.RecordBatch.from_arrays([pa.array(reasons, pa.string())], names=["reason"]))


def report(task: Task, stage: StageSettings) -> None:
    keys = sum(batch.num_rows for _, batch in task.all_shards(["unique.key"]))
    with task.make("report", ".json") as file:
        file.write(json.dumps({"documents": keys}).encode())
    task.note("documents", keys)
