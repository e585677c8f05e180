"""A map stage that may stand any number of times: counts a mark in each text, and drops documents with more of them."""

from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import Decides, MapConfig, MapStage, NamedConfig


class MarksConfig(NamedConfig, MapConfig):
    mark: str
    at_most: Annotated[int, Decides] = 1


class Marks(MapStage[MarksConfig]):
    Config = MarksConfig

    def measured_columns(self) -> tuple[pa.Field, ...]:
        return (pa.field(f"{self.name}.count", pa.int32()),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        counts = pc.count_substring(batch.column("text"), pattern=self.config.mark).cast(pa.int32())
        return batch.append_column(self.measured_columns()[0], counts)

    def judge_columns(self) -> tuple[str, ...]:
        return (f"{self.name}.count",)

    def judge(self, columns: pa.RecordBatch) -> pa.Array:
        many = pc.greater(columns.column(0), self.config.at_most)
        return pc.if_else(many, f"{self.name}.too_many", pa.scalar(None, pa.string()))
