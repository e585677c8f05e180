"""Documents that hold benchmark questions: found by shared n-grams, marked, and dropped or kept.

    - decontaminate: {against: "benchmarks/*.jsonl.gz", ngram: 13}

The n-grams that a document shares with the benchmarks are measured in the text pass; what they cover is decided and
reported afterwards, but where passages are cut, in the text pass. 13 words are GPT-3's n (Brown et al., 2020, appendix
C), half a question's n-grams is the share of Tülu 3 (Lambert et al., 2024, section 3.2). A unit is a word, or one
character of a script without spaces (kernels.dedup.units).

It is a global stage, though each document could be judged by itself: the n-grams that are common are known of the whole
corpus only, and the report by benchmark is of the whole corpus.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

from dspipe.pipeline.environment import FilePath
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.rejudging import NeedsRunError, Rejudged, RunDocuments
from dspipe.pipeline.stage import NOTHING, Corpus, GlobalStage, Phase, Settings, Span, StageConfig
from dspipe.pipeline.threshold import Threshold
from dspipe.stages.decontaminate.index import BenchmarkIndex, BenchmarkSettings
from dspipe.stages.decontaminate.questions import questions
from dspipe.stages.decontaminate.steps import (
    PARTITIONS,
    columns_judged,
    covered_questions,
    shared_of,
    written_columns,
)

if TYPE_CHECKING:
    import pyarrow as pa

_STEPS = "dspipe.stages.decontaminate.steps"
_AROUND = 200
"""bytes that are cut on either side of what a document has in common with a question"""


class MultipleChoice(BaseModel):
    """When a page is one of multiple-choice questions."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True, use_attribute_docstrings=True)

    questions: PositiveInt = 3
    """A page has at least this many questions with options A, B, C, ..."""
    bytes_per_question: PositiveInt = 1500
    """It has at most this much text to each: an exam page, not an article with a quiz at its end."""


class DecontaminateConfig(StageConfig):
    """Settings of `decontaminate`."""

    against: tuple[FilePath, ...] = Field(min_length=1)
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

    of_document: float = Field(default=0, ge=0, lt=1)
    """A document counts as contaminated only if what it has in common with the questions that it covers is this share
    of the document, too. 0.01 spares a statute of a hundred pages of which a question quotes one article, and an
    encyclopedia's page, not a page of exam questions. Default: however long the document is."""

    action: Literal["drop", "mark", "cut"] = "drop"
    """Drop contaminated documents, only mark them in the columns, or cut the passages: what a document has in common
    with the questions that it covers, with 200 bytes on either side, as GPT-3 did with characters (Brown et al., 2020,
    appendix C). A document is marked as it was before the cut."""

    multiple_choice: MultipleChoice | None = None
    """Drop pages of multiple-choice questions as well (or mark them, where that is the action), which DeepSeek kept out
    of pretraining on purpose (DeepSeek LLM, 2024, section 5.4); `{}` for the defaults. Default: no."""

    @field_validator("against", "fields", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class DecontaminateStage(GlobalStage[DecontaminateConfig]):
    """Adds, of the question that a document covers most, `decontaminate.benchmark` (string, the file's name),
    `decontaminate.item` (string, its id, or its line), `decontaminate.coverage` (float32, share of its n-grams), all
    null where no n-gram is shared. Measures `decontaminate.ngrams` (list of int32, the numbers of the n-grams of the
    benchmarks that a document has, null for none), `decontaminate.units` (uint32, its words and characters),
    `decontaminate.choices` (uint32, multiple-choice questions in it), `decontaminate.bytes_per_choice` (float64, its
    bytes by their number, null for none), and, where passages are cut, `decontaminate.cut_bytes` (uint32).

    Drops with `decontaminate.overlap` and `decontaminate.multiple_choice`."""

    Config = DecontaminateConfig

    def check(self) -> None:
        if self.config.shortest > self.config.ngram:
            raise ConfigError(f"longer than ngram, which is {self.config.ngram}", ("shortest",))
        if self.config.action == "cut" and self.config.common_documents is not None:
            message = "passages are cut before it is known how many documents have an n-gram; leave one of the two out"
            raise ConfigError(message, ("common_documents",))
        for path in self.benchmarks.files:
            if not sum(1 for _ in questions(path, self.config.fields)):
                raise ConfigError(f"{path}: no questions in it", ("against",))

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        types = {
            "ngrams": pa.list_(pa.int32()),
            "units": pa.uint32(),
            "choices": pa.uint32(),
            "bytes_per_choice": pa.float64(),
        }
        cut = {"cut_bytes": pa.uint32()} if self.rewrites else {}
        return tuple(pa.field(f"{self.name}.{name}", kind) for name, kind in (types | cut).items())

    @property
    def rewrites(self) -> bool:
        return self.config.action == "cut"

    def measure_settings(self) -> Settings:
        settings = {"index": self.benchmarks.digest}
        if not self.rewrites:
            return settings
        return {**settings, "cut": [self.config.coverage, self.config.of_document]}

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
        columns: list[pa.Array] = [
            pa.ListArray.from_arrays(
                pa.array(shared.ends.astype(np.int32)),
                pa.array(shared.ngrams),
                mask=pa.array(np.diff(shared.ends) == 0),
            ),
            pa.array(shared.units, pa.uint32()),
            pa.array(choices),
            pa.array(np.diff(offsets) / np.maximum(choices, 1), mask=choices == 0),
        ]
        if self.rewrites:
            text = self._cut(batch.column("text"), columns[0], columns[1])
            columns.append(pa.array(np.diff(offsets) - np.diff(text_buffers(text)[1]), pa.uint32()))
            batch = batch.set_column(batch.schema.get_field_index("text"), "text", text)
        for field, column in zip(self.measured_columns(), columns, strict=True):
            batch = batch.append_column(field, column)
        return batch

    def _cut(self, text: "pa.Array", ngrams: "pa.Array", units: "pa.Array") -> "pa.Array":
        """The texts (large_string) without what they have in common with the questions that they cover."""
        import numpy as np
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers, text_column
        from dspipe.kernels.dedup.cut_spans import cut_spans, merge_spans
        from dspipe.kernels.dedup.ngram_overlap import find_passages

        index, coverage = self.benchmarks, self.config.coverage
        none, kept = np.zeros(index.ngrams, bool), pa.nulls(len(text), pa.string())
        shared = shared_of(ngrams, units)
        found, own = covered_questions(shared, kept, index, none, coverage)
        few = own < self.config.of_document
        found.of_covered[np.repeat(few, np.diff(shared.ends))] = False
        if not found.of_covered.any():
            return text
        data, offsets = text_buffers(text)
        rows, starts, ends = find_passages(data, offsets, index.table, shared, found)
        sizes = np.diff(offsets)[rows]
        spans = merge_spans(rows, np.maximum(starts - _AROUND, 0), np.minimum(ends + _AROUND, sizes))
        data, offsets, _ = cut_spans(data, offsets, *spans, "word")
        return text_column(data, offsets)

    def thresholds(self, notes: Settings = NOTHING) -> Iterator[Threshold]:
        config, name = self.config, self.name
        if config.action == "drop":
            alone = not config.of_document
            column, reason = f"{name}.coverage", f"{name}.overlap"
            yield Threshold(("coverage",), column, "below", reason, config.coverage, alone=alone)
        if config.multiple_choice is not None and config.action != "mark":
            exam, reason = config.multiple_choice, f"{name}.multiple_choice"
            least, most = exam.questions, exam.bytes_per_question
            yield Threshold(("multiple_choice", "questions"), f"{name}.choices", "below", reason, least, alone=False)
            # a page whose questions are further apart passes: just what is above
            key = ("multiple_choice", "bytes_per_question")
            yield Threshold(key, f"{name}.bytes_per_choice", "above", reason, most, alone=False, double=True)

    def rejudge(self, before: Self, documents: RunDocuments) -> Rejudged:
        from dspipe.stages.decontaminate.rejudge import rejudge

        try:
            return rejudge(self.name, self._deciding, self.benchmarks, documents)
        except (ConfigError, OSError) as error:
            raise NeedsRunError(f"{self.name} compares with benchmarks that aren't here: {error}") from None

    @property
    def _deciding(self) -> Settings:
        keys = {"common_documents", "coverage", "of_document", "action", "multiple_choice"}
        return self.config.model_dump(mode="json", include=keys)

    def phases(self, corpus: Corpus) -> list[Phase]:
        count, common, tables = f"{self.name}.count", f"{self.name}.common", f"{self.name}.tables"
        index = {**self.benchmarks.settings.as_json(), "index": self.benchmarks.digest}
        settings = {**index, **self._deciding}
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

    def spans(self, text: str, columns: Mapping[str, Any]) -> Iterator[Span]:
        """What the document has in common with the questions that it covers; of passages that were cut nothing is left
        to see."""
        import numpy as np
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.dedup.cut_spans import merge_spans
        from dspipe.kernels.dedup.ngram_overlap import find_passages, shared_ngrams

        index, name = self.benchmarks, columns.get(f"{self.name}.benchmark")
        if name is None or self.rewrites:
            return
        data, offsets = text_buffers(pa.array([text], pa.large_string()))
        shared = shared_ngrams(data, offsets, index.table)
        kept = pa.nulls(1, pa.string())
        found, _ = covered_questions(shared, kept, index, np.zeros(index.ngrams, bool), self.config.coverage)
        rows, starts, ends = find_passages(data, offsets, index.table, shared, found)
        _, starts, ends = merge_spans(rows, starts, ends)
        whole = text.encode()
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            first = len(whole[:start].decode("utf-8", "ignore"))
            passage = whole[start:end].decode("utf-8", "ignore")
            yield Span(first, first + len(passage), f"in {name}")

    def compile_kernels(self) -> None:
        import numpy as np
        import pyarrow as pa

        benchmarks = self.benchmarks
        shared = shared_of(pa.nulls(2, pa.list_(pa.int32())), pa.nulls(2, pa.uint32()))
        covered_questions(shared, pa.nulls(2, pa.string()), benchmarks, np.zeros(benchmarks.ngrams, bool), 0.5)

    @cached_property
    def benchmarks(self) -> BenchmarkIndex:
        """What documents are compared with."""
        config = self.config
        return BenchmarkIndex(
            BenchmarkSettings(config.against, config.fields, config.ngram, config.shortest, config.common)
        )
