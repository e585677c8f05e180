"""Drops documents whose text holds a word of a list (C4: Raffel et al. 2020, section 2.2).

    - bad_words: {list: "${ASSETS}/ldnoobw/{language}"}

C4 dropped every page with a word of the "List of Dirty, Naughty, Obscene or Otherwise Bad Words", which isn't part of
dspipe: https://github.com/LDNOOBW has it, a file for each language. A list has an entry a line, words or phrases; lines
that begin with `#` are left out. An entry counts where no letter, digit or underscore is beside it, in any case; in the
scripts without spaces of Chinese, Japanese and Thai, anywhere. C4 let a few entries of its Chinese and Japanese lists
pass because they stand in a tenth of all pages: take such lines out of the file.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeInt

from dspipe.pipeline.environment import FilePath
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import NOTHING, MapConfig, MapStage, Settings
from dspipe.pipeline.threshold import Threshold
from dspipe.stages.shared.loaded import load_once, sha256_once
from dspipe.stages.shared.path_patterns import files_by_language

if TYPE_CHECKING:
    import pyarrow as pa

_UNSPACED = frozenset({"ja", "th", "zh"})
_LONGEST_LIST = 1 << 20
"""bytes; a pattern of more words than that wouldn't be fast"""


class BadWordsConfig(MapConfig):
    """Settings of `bad_words`."""

    list: FilePath | dict[str, FilePath]
    """Lists of words: a path with `{language}` in it, or a path for each language. Documents of other languages are
    kept."""

    at_most: NonNegativeInt = Field(default=0)
    """How often words of the list may stand in a document."""


class BadWordsStage(MapStage[BadWordsConfig]):
    """Adds `bad_words.found` (uint32, how often; null without a list of the document's language). Drops with
    `bad_words.too_many`."""

    Config = BadWordsConfig
    judges_by = ("language",)

    def check(self) -> None:
        for language, path in self._lists.items():
            if path.stat().st_size > _LONGEST_LIST:
                raise ConfigError(f"{path} is larger than {_LONGEST_LIST:,} bytes: no list of words?", ("list",))
            if not self._pattern(language):
                raise ConfigError(f"{path} has no word", ("list",))

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        return (pa.field("bad_words.found", pa.uint32()),)

    def measure_settings(self) -> Settings:
        return {language: sha256_once(path) for language, path in self._lists.items()}

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        found, unknown = np.zeros(batch.num_rows, np.uint32), np.ones(batch.num_rows, bool)
        language = batch.column("language").cast(pa.string())
        for name in self._lists:
            rows = pc.indices_nonzero(pc.fill_null(pc.equal(language, name), False))
            texts = batch.column("text").take(rows)
            counts = pc.count_substring_regex(texts, self._pattern(name))
            found[rows.to_numpy()] = pc.fill_null(counts, 0).to_numpy()
            unknown[rows.to_numpy()] = False
        return batch.append_column(self.measured_columns()[0], pa.array(found, pa.uint32(), mask=unknown))

    def judge_columns(self) -> tuple[str, ...]:
        return ("bad_words.found",)

    def judge(self, columns: "pa.RecordBatch") -> "pa.Array":
        import pyarrow as pa
        import pyarrow.compute as pc

        many = pc.fill_null(pc.greater(columns.column("bad_words.found"), self.config.at_most), False)
        return pc.if_else(many, "bad_words.too_many", pa.scalar(None, pa.string()))

    def thresholds(self, notes: Settings = NOTHING) -> Iterator[Threshold]:
        reason = "bad_words.too_many"
        yield Threshold(("at_most",), "bad_words.found", "at most", reason, float(self.config.at_most))

    @cached_property
    def _lists(self) -> dict[str, Path]:
        return files_by_language(self.config.list, "list")

    def _pattern(self, language: str) -> str:
        """RE2 that finds the words of a list; empty where it has none."""
        path = self._lists[language]

        def read() -> str:
            lines = (line.strip() for line in path.read_text("utf-8", "replace").splitlines())
            words = sorted({re.escape(line) for line in lines if line and not line.startswith("#")})
            if not words or language in _UNSPACED:
                return f"(?i){'|'.join(words)}" if words else ""
            return rf"(?i)(?:^|[^\pL\pN_])(?:{'|'.join(words)})(?:$|[^\pL\pN_])"

        return load_once("bad_words", [path], read, language)
