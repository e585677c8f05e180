"""A map stage that takes its time."""

import time

import pyarrow as pa

from dspipe.pipeline.stage import MapConfig, MapStage


class SleepyConfig(MapConfig):
    seconds: float = 60


class Sleepy(MapStage[SleepyConfig]):
    Config = SleepyConfig

    def measured_columns(self) -> tuple[pa.Field, ...]:
        return (pa.field("sleepy.slept", pa.float64()),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.num_rows:
            time.sleep(self.config.seconds)
        return batch.append_column("sleepy.slept", pa.array([self.config.seconds] * batch.num_rows, pa.float64()))
