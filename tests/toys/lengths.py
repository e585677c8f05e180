"""A map stage: counts characters and drops short documents. Some texts make it misbehave on purpose."""

import os
import signal
import time
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import Decides, MapConfig, MapStage


class LengthsConfig(MapConfig):
    minimum: Annotated[int, Decides] = 5
    unit: str = "characters"
    hang_on: Annotated[int, Decides] = -1
    """judging a text of this length never ends"""


class Lengths(MapStage[LengthsConfig]):
    Config = LengthsConfig

    def measured_columns(self) -> tuple[pa.Field, ...]:
        return (pa.field("lengths.length", pa.int64()),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        text = batch.column("text")
        if pc.any(pc.match_substring(text, "RAISE")).as_py():
            raise ValueError("this text can't be measured")
        if pc.any(pc.match_substring(text, "KILL")).as_py():
            os.kill(os.getpid(), signal.SIGKILL)
        if pc.any(pc.match_substring(text, "EXIT")).as_py():
            os._exit(3)
        if pc.any(pc.match_substring(text, "SEGV")).as_py():
            os.kill(os.getpid(), signal.SIGSEGV)
        if pc.any(pc.match_substring(text, "HANG")).as_py():
            time.sleep(1e6)
        if pc.any(pc.match_substring(text, "EAT")).as_py():
            np.ones(1 << 33, np.uint8)
        if pc.any(pc.match_substring(text, "LOSE")).as_py():
            batch = batch.filter(pc.invert(pc.match_substring(text, "LOSE")))
            text = batch.column("text")
        return batch.append_column("lengths.length", pc.utf8_length(text).cast(pa.int64()))

    def judge_columns(self) -> tuple[str, ...]:
        return ("lengths.length",)

    def judge(self, columns: pa.RecordBatch) -> pa.Array:
        if self.config.minimum < 0 and pc.any(pc.equal(columns.column("lengths.length"), -self.config.minimum)).as_py():
            raise ValueError("this length can't be judged")
        if pc.any(pc.equal(columns.column("lengths.length"), self.config.hang_on)).as_py():
            time.sleep(1e6)
        short = pc.less(columns.column("lengths.length"), self.config.minimum)
        return pc.if_else(short, "lengths.too_short", pa.scalar(None, pa.string()))
