"""A map stage that fails on some texts as long as there is a certain file: a machine's trouble that passes."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import MapConfig, MapStage, Settings


class FlakyConfig(MapConfig):
    trouble: str


class Flaky(MapStage[FlakyConfig]):
    """Fails to measure texts with MEASURE, and to judge texts of 13 characters."""

    Config = FlakyConfig

    def measured_columns(self) -> tuple[pa.Field, ...]:
        return (pa.field("flaky.length", pa.int64()),)

    def measure_settings(self) -> Settings:
        return {"trouble": self.config.trouble}

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        text = batch.column("text")
        if Path(self.config.trouble).exists() and pc.any(pc.match_substring(text, "MEASURE")).as_py():
            raise ValueError("it can't be measured now")
        return batch.append_column("flaky.length", pc.utf8_length(text).cast(pa.int64()))

    def judge_columns(self) -> tuple[str, ...]:
        return ("flaky.length",)

    def judge(self, columns: pa.RecordBatch) -> pa.Array:
        odd = pc.equal(columns.column("flaky.length"), 13)
        if Path(self.config.trouble).exists() and pc.any(odd).as_py():
            raise ValueError("it can't be judged now")
        return pa.nulls(columns.num_rows, pa.string())
