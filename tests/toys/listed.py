"""A map stage that reads a list of words, when it is set up or when it is first needed."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Literal

import pyarrow as pa

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import MapConfig, MapStage, Settings


class ListedConfig(MapConfig):
    words: str
    missing: Literal["ConfigError", "ValueError", "ImportError", "MemoryError", "OSError"] = "ConfigError"
    at: Literal["set up", "first use", "first document"] = "set up"
    fails_on: str = ""


class Listed(MapStage[ListedConfig]):
    Config = ListedConfig

    def measured_columns(self) -> tuple[pa.Field, ...]:
        return (pa.field("listed.words", pa.int64()),)

    def measure_settings(self) -> Settings:
        return {
            "words": hashlib.sha256(" ".join(sorted(self._words)).encode()).hexdigest(),
            "missing": self.config.missing,
            "at": self.config.at,
            "fails_on": self.config.fails_on,
        }

    def set_up(self) -> None:
        if self.config.at == "set up":
            _ = self._words

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        words: frozenset[str] = frozenset()
        if self.config.at != "first document" or batch.num_rows:
            words = self._words
        texts = batch.column("text").to_pylist()
        if self.config.fails_on and any(self.config.fails_on in text for text in texts):
            raise ValueError(f"{self.config.fails_on} can't be counted")
        counts = [sum(word in words for word in text.split()) for text in texts]
        return batch.append_column("listed.words", pa.array(counts, pa.int64()))

    @cached_property
    def _words(self) -> frozenset[str]:
        path = Path(self.config.words)
        if path.exists():
            return frozenset(path.read_text().split())
        kinds = {"ValueError": ValueError, "ImportError": ImportError, "MemoryError": MemoryError, "OSError": OSError}
        raise kinds.get(self.config.missing, ConfigError)(f"no list {path.name}")
