"""Drops documents that shout: a larger share of their letters are capitals than is usual in prose.

- examples.capitals: {max_share: 0.3}
"""

from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from dspipe.pipeline.stage import Decides, MapConfig, MapStage


class CapitalsConfig(MapConfig):
    """Settings of `capitals`."""

    max_share: Annotated[float, Decides, Field(ge=0, le=1)] = 0.3
    """Drop documents of whose letters a larger share are capitals."""
    min_letters: Annotated[int, Decides, Field(ge=0)] = 100
    """Keep documents with fewer letters: a heading alone is no shouting."""


class CapitalsStage(MapStage[CapitalsConfig]):
    """Adds `capitals.letters` (uint32, letters of scripts that have capitals) and `capitals.share` (float32, capitals
    among them; null where there are none). Drops with `capitals.too_many`."""

    Config = CapitalsConfig

    def measured_columns(self) -> tuple[pa.Field, ...]:
        return pa.field(f"{self.name}.letters", pa.uint32()), pa.field(f"{self.name}.share", pa.float32())

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        # removing all else and measuring what is left is quicker than counting matches
        cased = pc.replace_substring_regex(batch.column("text"), r"[^\p{Lu}\p{Ll}]+", "")
        letters = pc.utf8_length(cased).to_numpy()
        capitals = pc.utf8_length(pc.replace_substring_regex(cased, r"\p{Ll}+", "")).to_numpy()
        share = np.divide(capitals, letters, out=np.zeros(len(letters)), where=letters > 0)
        columns = pa.array(letters, pa.uint32()), pa.array(share, pa.float32(), mask=letters == 0)
        for field, column in zip(self.measured_columns(), columns, strict=True):
            batch = batch.append_column(field, column)
        return batch

    def judge_columns(self) -> tuple[str, ...]:
        return f"{self.name}.letters", f"{self.name}.share"

    def judge(self, columns: pa.RecordBatch) -> pa.Array:
        letters, share = columns.columns
        shouts = pc.and_(pc.greater(share, self.config.max_share), pc.greater_equal(letters, self.config.min_letters))
        return pc.if_else(pc.fill_null(shouts, False), f"{self.name}.too_many", pa.scalar(None, pa.string()))
