"""A map stage that breaks the contract in the way that it is told."""

from typing import Annotated, Any

import pyarrow as pa

from dspipe.pipeline.stage import Decides, MapConfig, MapStage


class CarelessConfig(MapConfig):
    how: str = ""
    minimum: Annotated[int, Decides] = 5


class Careless(MapStage[CarelessConfig]):
    Config = CarelessConfig

    def measured_columns(self) -> tuple[pa.Field, ...]:
        return (pa.field("careless.length", pa.int64()),)

    def measure(self, batch: pa.RecordBatch) -> Any:
        lengths = pa.array([len(text or "") for text in batch.column("text").to_pylist()], pa.int64())
        how = self.config.how
        if how == "other name":
            return batch.append_column("careless.lenght", lengths)
        if how == "other type":
            return batch.append_column("careless.length", lengths.cast(pa.int32()))
        if how == "one more":
            batch = batch.append_column("careless.more", lengths)
        if how == "reads a threshold" and self.config.minimum > 3:
            return batch
        if how == "table":
            return pa.Table.from_batches([batch.append_column("careless.length", lengths)])
        if how == "reads the seed" and self.seed >= 0:
            return batch
        if how == "repeats a row":
            batch = batch.take(pa.array([0] * batch.num_rows, pa.int64()))
        if how == "order":
            batch = batch.take(pa.array(range(batch.num_rows - 1, -1, -1), pa.int64()))
        if how == "neighbours":
            lengths = pa.array([batch.num_rows] * batch.num_rows, pa.int64())
        return batch.append_column("careless.length", lengths)

    def judge_columns(self) -> tuple[str, ...]:
        return () if self.config.how == "no columns" else ("careless.length",)

    def judge(self, columns: pa.RecordBatch) -> pa.Array:
        lengths = columns.column("careless.length").to_pylist()
        if self.config.how == "boolean verdicts":
            return pa.array([length is None or length < self.config.minimum for length in lengths])
        if self.config.how == "too few verdicts":
            lengths = lengths[1:]
        if self.config.how == "judge fails" and any(length == 3 for length in lengths):
            raise ValueError("three is no length")
        return pa.array(
            ["careless.short" if length is not None and length < self.config.minimum else None for length in lengths],
            pa.string(),
        )
