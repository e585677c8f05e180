"""Documents that hold benchmark questions: found by shared n-grams, marked, and dropped or kept.

    - decontaminate: {against: "benchmarks/*.jsonl.gz", ngram: 13}

The n-grams that a document shares with the benchmarks are measured in the text pass; what they cover is decided and
reported afterwards. 13 words are GPT-3's n (Brown et al., 2020, appendix C), half a question's n-grams is the share of
Tülu 3 (Lambert et al., 2024, section 3.2). A unit is a word, or one character of a script without spaces
(kernels.dedup.units).

It is a global stage, though each document could be judged by itself: the n-grams that are common are known of the whole
corpus only, and the report by benchmark is of the whole corpus.
"""

import json
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

from dspipe.pipeline.stage import ConfigError, Corpus, GlobalStage, Phase, Settings, StageConfig
from dspipe.stages.decontaminate.index import BenchmarkIndex
from dspipe.stages.decontaminate.questions import questions
from dspipe.stages.decontaminate.report import ContaminationReport

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from dspipe.kernels.dedup.ngram_overlap import Overlap
    from dspipe.pipeline.tasks.task import Task

_PARTITIONS = 8
"""of the counts of n-grams: a few bytes for each n-gram and shard"""
_BEGINNING = 80
"""characters of a question shown with an example"""


class MultipleChoice(BaseModel):
    """When a page is one of multiple-choice questions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    questions: PositiveInt = 3
    """at least this many questions with options A, B, C, ..."""
    bytes_per_question: PositiveInt = 1500
    """and at most this much text to each: an exam page, not an article with a quiz at its end"""


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
        for path in self._benchmarks.files:
            if not sum(1 for _ in questions(path, self.config.fields)):
                raise ConfigError(f"{path}: no questions in it", ("against",))

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        types = {"ngrams": pa.list_(pa.int32()), "choices": pa.uint32(), "bytes_per_choice": pa.float64()}
        return tuple(pa.field(f"{self.name}.{name}", kind) for name, kind in types.items())

    def measure_settings(self) -> Settings:
        return {"index": self._benchmarks.digest}

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import numpy as np
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.dedup.choices import count_choices
        from dspipe.kernels.dedup.ngram_overlap import shared_ngrams

        data, offsets = text_buffers(batch.column("text"))
        shared = shared_ngrams(data, offsets, self._benchmarks.table)
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
        ngrams, others = f"{self.name}.ngrams", (f"{self.name}.choices", f"{self.name}.bytes_per_choice", "id", "url")
        keys = {"common_documents", "coverage", "action", "multiple_choice"}
        settings = {**self.measure_settings(), **self.config.model_dump(mode="json", include=keys)}
        report = Phase(
            f"{self.name}.report",
            "once",
            "report",
            artifacts=(tables,),
            makes_artifacts=(f"{self.name}.report",),
            settings=settings,
        )
        judge = Phase(
            f"{self.name}.judge",
            "shards",
            "judge",
            ("reason", ngrams, *others),
            writes=self._written,
            makes_artifacts=(tables,),
            settings=settings,
        )
        if self.config.common_documents is None:
            return [judge, report]
        # the index is known by its digest to what a count depends on
        counting = {"index": self._benchmarks.digest}
        limit = {**counting, "common_documents": self.config.common_documents}
        return [
            Phase(count, "shards", "count", ("reason", ngrams), emits=count, partitions=_PARTITIONS, settings=counting),
            Phase(common, "partitions", "find_common", exchange=count, makes_artifacts=(common,), settings=limit),
            replace(judge, artifacts=(common,)),
            report,
        ]

    def warm(self) -> None:
        import pyarrow as pa

        ngrams = pa.nulls(2, pa.list_(pa.int32()))
        batch = pa.record_batch({f"{self.name}.ngrams": ngrams, "reason": pa.nulls(2, pa.string())})
        self.covered(batch)

    def count(self, task: "Task") -> None:
        """Send how many of the shard's documents that are still kept have each n-gram."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        for batch in task.rows(["reason", f"{self.name}.ngrams"]):
            lists = batch.column(f"{self.name}.ngrams").filter(pc.is_null(batch.column("reason")))
            ngrams, documents = np.unique(lists.flatten().to_numpy(), return_counts=True)
            records = {"ngram": pa.array(ngrams, pa.int32()), "documents": pa.array(documents, pa.int64())}
            task.emit(ngrams.astype(np.int64) % _PARTITIONS, pa.record_batch(records))

    def find_common(self, task: "Task") -> None:
        """The n-grams that more than `common_documents` documents have."""
        import numpy as np

        sums = np.zeros(len(self._benchmarks.table.rows) // _PARTITIONS + 1, np.int64)
        for _, batch in task.received():
            places = batch.column("ngram").to_numpy() // _PARTITIONS
            np.add.at(sums, places, batch.column("documents").to_numpy())
        common = np.flatnonzero(sums > (self.config.common_documents or 0)) * _PARTITIONS + (task.partition or 0)
        task.count("n-grams", int(np.count_nonzero(sums)))
        task.count("common", len(common))
        with task.make(f"{self.name}.common", ".int32") as file:
            file.write(common.astype("<i4").tobytes())

    def judge(self, task: "Task") -> None:
        """What each document covers, and verdicts."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        ignored = self._none_common()
        if self.config.common_documents is not None:
            for part in task.artifact(f"{self.name}.common"):
                ignored[np.frombuffer(part.read(), "<i4")] = True
        named = self._benchmarks.named
        benchmark_of, report = named.of_item.to_numpy(), ContaminationReport(len(named.items))
        for batch in task.rows(["reason", *(field.name for field in self.measured_columns()), "id", "url"]):
            found = self.covered(batch, ignored)
            covered, exam = found.share >= np.float32(self.config.coverage), self._exams(batch)
            entered = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
            task.count("multiple-choice pages", int(np.count_nonzero(exam & entered)))
            report.add(batch, found, benchmark_of[np.maximum(found.best, 0)], entered, covered)
            none = found.best < 0
            best = pa.array(np.maximum(found.best, 0), mask=none)
            columns = [named.benchmarks.take(named.of_item.take(best)), named.items.take(best)]
            columns.append(pa.array(found.share, mask=none))
            if self.config.action == "drop":
                reason = batch.column("reason").cast(pa.string())
                for condition, why in (covered, "overlap"), (exam, "multiple_choice"):
                    new = pc.if_else(pa.array(condition), f"{self.name}.{why}", pa.scalar(None, pa.string()))
                    reason = pc.coalesce(reason, new)
                columns.insert(0, reason)
            task.write(pa.RecordBatch.from_arrays(columns, schema=pa.schema(self._written)))
            task.progress(documents=batch.num_rows, bytes=0)
        with task.make(f"{self.name}.tables") as file:
            file.write(report.as_json())

    def covered(self, batch: "pa.RecordBatch", ignored: "npt.NDArray[np.bool_] | None" = None) -> "Overlap":
        """What documents cover by their measured n-grams without the `ignored` ones (bool, by their numbers); what is
        reached of the questions is taken of the documents that have no `reason` yet."""
        import numpy as np

        from dspipe.kernels.dedup.ngram_overlap import Shared, overlap

        lists = batch.column(f"{self.name}.ngrams")
        ends = np.zeros(len(lists) + 1, np.int64)
        np.cumsum(lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False), out=ends[1:])
        ngrams = lists.flatten().to_numpy()
        entered = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
        ignored = self._none_common() if ignored is None else ignored
        return overlap(Shared(ngrams, ends), self._benchmarks.table, ignored, entered)

    def report(self, task: "Task") -> None:
        """A table by benchmark, and one of examples with the beginnings of their questions."""
        named = self._benchmarks.named
        report = ContaminationReport(len(named.items))
        for part in task.artifact(f"{self.name}.tables"):
            report.merge(json.loads(part.read()))
        benchmarks = named.benchmarks.to_pylist()
        outcome = "dropped" if self.config.action == "drop" else "marked"
        by_benchmark = report.by_benchmark(benchmarks, named.of_item.to_numpy(), self.config.coverage, outcome)
        asked = [text for path in self._benchmarks.files for _, text in questions(path, self.config.fields)]
        examples = [
            {
                "benchmark": benchmarks[number],
                "item": named.items[example["question"]].as_py(),
                "coverage": example["coverage"],
                "document": example["document"],
                "question": " ".join(asked[example["question"]].split())[:_BEGINNING],
            }
            for number in sorted(report.examples)
            for example in report.examples[number]
        ]
        task.note("benchmarks", by_benchmark)
        if examples:
            task.note("examples", examples)
        with task.make(f"{self.name}.report") as file:
            file.write(json.dumps({"benchmarks": by_benchmark, "examples": examples}, ensure_ascii=False).encode())

    @property
    def _written(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        types = {"benchmark": pa.string(), "item": pa.string(), "coverage": pa.float32()}
        reason = (pa.field("reason", pa.string()),) if self.config.action == "drop" else ()
        return *reason, *(pa.field(f"{self.name}.{name}", kind) for name, kind in types.items())

    def _none_common(self) -> "npt.NDArray[np.bool_]":
        import numpy as np

        return np.zeros(len(self._benchmarks.table.rows) - 1, bool)

    def _exams(self, batch: "pa.RecordBatch") -> "npt.NDArray[np.bool_]":
        import numpy as np

        rule = self.config.multiple_choice
        if rule is None:
            return np.zeros(batch.num_rows, bool)
        choices = batch.column(f"{self.name}.choices").fill_null(0).to_numpy(zero_copy_only=False)
        apart = batch.column(f"{self.name}.bytes_per_choice").fill_null(np.inf).to_numpy(zero_copy_only=False)
        exams: npt.NDArray[np.bool_] = (choices >= rule.questions) & (apart <= rule.bytes_per_question)
        return exams

    @cached_property
    def _benchmarks(self) -> BenchmarkIndex:
        return BenchmarkIndex(self.config)
