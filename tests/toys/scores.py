"""`quality` without a model: a document's score is the number that its text begins with, none where it is a dash."""

from typing import Any

import pyarrow as pa

from dspipe.pipeline.stage import Settings
from dspipe.stages.quality.stage import QualityStage


class Scores(QualityStage):
    def check(self) -> None:
        pass

    def set_up(self) -> None:
        pass

    def measure_settings(self) -> Settings:
        return {}

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        found: list[Any] = [text.partition(" ")[0] for text in batch.column("text").to_pylist()]
        scores = [None if score == "-" else float(score) for score in found]
        return batch.append_column(pa.field(self.name, pa.float32()), pa.array(scores, pa.float32()))
