"""Documents that hold benchmark questions: found by shared n-grams, marked, and dropped or kept.

    - decontaminate: {against: "benchmarks/*.jsonl.gz", ngram: 13}

The n-grams that a document shares with the benchmarks are measured in the text pass; what they cover is decided and
reported afterwards. 13 words are GPT-3's n (Brown et al., 2020, appendix C), half a question's n-grams is the share of
Tülu 3 (Lambert et al., 2024, section 3.2). A unit is a word, or one character of a script without spaces
(kernels.dedup.units).

It is a global stage, though each document could be judged by itself: the n-grams that are common are known of the whole
corpus only, and the report by benchmark is of the whole corpus.
"""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, Settings, StageConfig
from dspipe.stages.decontaminate.index import BenchmarkIndex, BenchmarkSettings
from dspipe.stages.decontaminate.questions import questions
from dspipe.stages.decontaminate.steps import PARTITIONS, columns_judged, covered_questions, written_columns

if TYPE_CHECKING:
    import pyarrow as pa

_STEPS = "dspipe.stages.decontaminate.steps"


class MultipleChoice(BaseModel):
    """When a page is one of multiple-choice questions."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    questions: PositiveInt = 3
    """A page has at least this many questions with options A, B, C, ..."""
    bytes_per_question: PositiveInt = 1500
    """It has at most this much text to each: an exam page, not an article with a quiz at its end."""


class DecontaminateConfig(StageConfig):
    """Settings of `decontaminate`."""

    against: tuple[str, ...] = Field(min_length=1)
    """Benchmark files (.jsonl, .jsonl.gz, .jsonl.zst), one question a line; wildcards are expanded."""

    fields: tuple[str, ...] | None = None
    """The fields that make up a question. Default: the first of passage, context, article, if there is one, and the
    first of question, prompt, problem, query, text, content."""

    ngram: int = Field(default=13, ge=2, le=64)
    """Length of the n-grams in units. In scripts without spaces 13 units are fewer words than in English, so that more
    n-grams are shared by chance; but half of a question's are not. Own measurement, half of the real sentences of a
    language taken as questions to pages of the other half: with 13 and with 20 units, the same 4 of 246 Thai and 2 of
    95 Japanese sentences are found, and 3 and 2 of 165 Chinese ones, all but one of them copies."""

    shortest: int = Field(default=8, ge=1, le=64)
    """A question of fewer than `ngram` units, but at least this many, must occur as a whole; shorter ones are left
    out."""

    common: PositiveInt = 20
    """Leave n-grams out that more than this many questions have: standing phrases of a benchmark. A passage with its
    questions is below it."""

    common_documents: PositiveInt | None = None
    """Leave n-grams out as well that more than this many documents have, of those that are still kept: quotations,
    legal boilerplate. GPT-3's number is 10 (Brown et al., 2020, appendix C), where one n-gram was enough for a drop.
    Default: no limit, since a question that was copied often would go through; `coverage` asks for more than a
    quotation anyway. Where it is set, deduplicate first."""

    coverage: float = Field(default=0.5, gt=0, le=1)
    """The share of a question's n-grams from which a document counts as contaminated."""

    action: Literal["drop", "mark"] = "drop"
    """Drop contaminated documents, or only mark them in the columns."""

    multiple_choice: MultipleChoice | None = None
    """Drop (or mark) pages of multiple-choice questions as well, which DeepSeek kept out of pretraining on purpose
    (DeepSeek LLM, 2024, section 5.4); `{}` for the defaults. Default: no."""

    @field_validator("against", "fields", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class DecontaminateStage(GlobalStage[DecontaminateConfig]):
    """Adds, of the question that a document covers most, `decontaminate.benchmark` (string, the file's name),
    `decontaminate.item` (string, its id, or its line), `decontaminate.coverage` (float32, share of its n-grams), all
    null where no n-gram is shared. Measures `decontaminate.ngrams` (list of int32, the numbers of the n-grams of the
    benchmarks that a document has, null for none), `decontaminate.choices` (uint32, multiple-choice questions in it)
    and `decontaminate.bytes_per_choice` (float64, its bytes by their number, null for none).

    Drops with `decontaminate.overlap` and `decontaminate.multiple_choice`."""

    Config = DecontaminateConfig

    def check(self) -> None:
        if self.config.shortest > self.config.ngram:
            raise ConfigError(f"longer than ngram, which is {self.config.ngram}", ("shortest",))
        for path in self.benchmarks.files:
            if not sum(1 for _ in questions(path, self.config.fields)):
                raise ConfigError(f"{path}: no questions in it", ("against",))

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        types = {"ngrams": pa.list_(pa.int32()), "choices": pa.uint32(), "bytes_per_choice": pa.float64()}
        return tuple(pa.field(f"{self.name}.{name}", kind) for name, kind in types.items())

    def measure_settings(self) -> Settings:
        return {"index": self.benchmarks.digest}

    def set_up(self) -> None:
        _ = self.benchmarks.table

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import numpy as np
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.dedup.choices import count_choices
        from dspipe.kernels.dedup.ngram_overlap import shared_ngrams

        data, offsets = text_buffers(batch.column("text"))
        shared = shared_ngrams(data, offsets, self.benchmarks.table)
        choices = count_choices(data, offsets)
        columns = (
            pa.ListArray.from_arrays(
                pa.array(shared.ends.astype(np.int32)),
                pa.array(shared.ngrams),
                mask=pa.array(np.diff(shared.ends) == 0),
            ),
            pa.array(choices),
            pa.array(np.diff(offsets) / np.maximum(choices, 1), mask=choices == 0),
        )
        for field, column in zip(self.measured_columns(), columns, strict=True):
            batch = batch.append_column(field, column)
        return batch

    def phases(self, corpus: Corpus) -> list[Phase]:
        count, common, tables = f"{self.name}.count", f"{self.name}.common", f"{self.name}.tables"
        index = {**self.benchmarks.settings.as_json(), "index": self.benchmarks.digest}
        keys = {"common_documents", "coverage", "action", "multiple_choice"}
        settings = {**index, **self.config.model_dump(mode="json", include=keys)}
        judge = Phase(
            f"{self.name}.judge",
            "shards",
            run=f"{_STEPS}:judge",
            title="Compare documents with the questions that they share most with, drop or mark them",
            settings=settings,
            columns=columns_judged(self.name),
            writes=written_columns(self.name, self.config.action),
            makes_artifacts=(tables,),
        )
        report = Phase(
            f"{self.name}.report",
            "once",
            run=f"{_STEPS}:write_report",
            title="Report by benchmark, with examples",
            settings=settings,
            artifacts=(tables,),
            makes_artifacts=(f"{self.name}.report",),
        )
        if self.config.common_documents is None:
            return [judge, report]
        return [
            Phase(
                count,
                "shards",
                run=f"{_STEPS}:count_ngrams",
                title="Count the documents that have each of the benchmarks' n-grams",
                settings={"index": self.benchmarks.digest},
                columns=("reason", f"{self.name}.ngrams"),
                emits=count,
                partitions=PARTITIONS,
            ),
            Phase(
                common,
                "partitions",
                run=f"{_STEPS}:find_common",
                title="Find the n-grams that are common in the corpus",
                settings={**index, "common_documents": self.config.common_documents},
                exchange=count,
                makes_artifacts=(common,),
            ),
            replace(judge, artifacts=(common,)),
            report,
        ]

    def compile_kernels(self) -> None:
        import numpy as np
        import pyarrow as pa

        benchmarks = self.benchmarks
        ngrams, reason = pa.nulls(2, pa.list_(pa.int32())), pa.nulls(2, pa.string())
        covered_questions(ngrams, reason, benchmarks, np.zeros(benchmarks.ngrams, bool))

    @cached_property
    def benchmarks(self) -> BenchmarkIndex:
        """What documents are compared with."""
        config = self.config
        return BenchmarkIndex(
            BenchmarkSettings(config.against, config.fields, config.ngram, config.shortest, config.common)
        )
