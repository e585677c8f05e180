"""The phases of `decontaminate`: n-grams that are common in the corpus, verdicts, a report by benchmark.

Settings of all: those of `BenchmarkSettings` and the `index`'s digest; of judging and the report also coverage,
of_document, action, common_documents and multiple_choice, as `DecontaminateConfig` describes them.
"""

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.dedup.ngram_overlap import Overlap, Shared, covered_ngrams, overlap
from dspipe.pipeline.stage import Settings, StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.decontaminate.index import BenchmarkIndex, BenchmarkSettings
from dspipe.stages.decontaminate.questions import questions
from dspipe.stages.decontaminate.report import ContaminationReport
from dspipe.stages.shared.artifacts import read_artifacts, read_json_artifacts

PARTITIONS = 8
"""of the counts of n-grams: a few bytes for each n-gram and shard"""
_QUESTION_CHARACTERS = 80
"""of a question shown with an example"""


def written_columns(name: str, action: str) -> tuple[pa.Field, ...]:
    """The columns that judging writes."""
    types = {"benchmark": pa.string(), "item": pa.string(), "coverage": pa.float32()}
    reason = (pa.field("reason", pa.string()),) if action != "mark" else ()
    return *reason, *(pa.field(f"{name}.{column}", kind) for column, kind in types.items())


def columns_judged(name: str) -> tuple[str, ...]:
    """The columns that judging reads."""
    return "reason", f"{name}.ngrams", f"{name}.units", f"{name}.choices", f"{name}.bytes_per_choice", "id", "url"


def count_ngrams(task: Task, stage: StageSettings) -> None:
    """Send how many of the shard's documents that are still kept have each n-gram."""
    for batch in task.rows(["reason", f"{stage.name}.ngrams"]):
        lists = batch.column(f"{stage.name}.ngrams").filter(pc.is_null(batch.column("reason")))
        ngrams, documents = np.unique(lists.flatten().to_numpy(), return_counts=True)
        records = {"ngram": pa.array(ngrams, pa.int32()), "documents": pa.array(documents, pa.int64())}
        task.emit(ngrams.astype(np.int64) % PARTITIONS, pa.record_batch(records))


def find_common(task: Task, stage: StageSettings) -> None:
    """The n-grams that more than `common_documents` documents have."""
    ngrams = _benchmarks(stage.settings).ngrams
    sums = np.zeros(ngrams // PARTITIONS + 1, np.int64)
    for _, batch in task.received():
        np.add.at(sums, batch.column("ngram").to_numpy() // PARTITIONS, batch.column("documents").to_numpy())
    common = np.flatnonzero(sums > stage.settings["common_documents"]) * PARTITIONS + (task.partition or 0)
    task.count("n-grams", int(np.count_nonzero(sums)))
    task.count("common", len(common))
    with task.make(f"{stage.name}.common", ".int32") as file:
        file.write(common.astype("<i4").tobytes())


def judge(task: Task, stage: StageSettings) -> None:
    """What each document covers, and verdicts."""
    settings, name = stage.settings, stage.name
    benchmarks = _benchmarks(settings)
    ignored = np.zeros(benchmarks.ngrams, bool)
    if settings["common_documents"] is not None:
        for _, part in read_artifacts(task, f"{name}.common"):
            ignored[np.frombuffer(part, "<i4")] = True
    named = benchmarks.named
    benchmark_of, report = named.of_item.to_numpy(), ContaminationReport(len(named.items))
    schema = pa.schema(written_columns(name, settings["action"]))
    for batch in task.rows(columns_judged(name)):
        shared = shared_of(batch.column(f"{name}.ngrams"), batch.column(f"{name}.units"))
        found, own = covered_questions(shared, batch.column("reason"), benchmarks, ignored, settings["coverage"])
        covered = are_overlapping(found, own, settings)
        exam = are_exams(batch, name, settings["multiple_choice"])
        entered = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
        task.count("multiple-choice pages", int(np.count_nonzero(exam & entered)))
        report.add(batch, found, benchmark_of[np.maximum(found.best, 0)], entered, covered)
        none = found.best < 0
        best = pa.array(np.maximum(found.best, 0), mask=none)
        columns = [named.benchmarks.take(named.of_item.take(best)), named.items.take(best)]
        columns.append(pa.array(found.share, mask=none))
        if settings["action"] != "mark":
            reason = batch.column("reason").cast(pa.string())
            overlapping = covered & (settings["action"] == "drop")
            for condition, why in (overlapping, "overlap"), (exam, "multiple_choice"):
                new = pc.if_else(pa.array(condition), f"{name}.{why}", pa.scalar(None, pa.string()))
                reason = pc.coalesce(reason, new)
            columns.insert(0, reason)
        task.write(pa.RecordBatch.from_arrays(columns, schema=schema))
        task.progress(documents=batch.num_rows, bytes=0)
    with task.make(f"{name}.tables") as file:
        file.write(report.as_json())


def write_report(task: Task, stage: StageSettings) -> None:
    """A table by benchmark, and one of examples with the beginnings of their questions."""
    settings = stage.settings
    index = _benchmarks(settings)
    named = index.named
    report = ContaminationReport(len(named.items))
    for _, part in read_json_artifacts(task, f"{stage.name}.tables"):
        report.merge(part)
    benchmarks = named.benchmarks.to_pylist()
    outcome = {"drop": "dropped", "mark": "marked", "cut": "cut"}[settings["action"]]
    by_benchmark = report.by_benchmark(benchmarks, named.of_item.to_numpy(), settings["coverage"], outcome)
    asked = [text for path in index.files for _, text in questions(path, index.settings.fields)]
    examples = [
        {
            "benchmark": benchmarks[number],
            "item": named.items[example["question"]].as_py(),
            "coverage": example["coverage"],
            "document": example["document"],
            "question": " ".join(asked[example["question"]].split())[:_QUESTION_CHARACTERS],
        }
        for number in sorted(report.examples)
        for example in report.examples[number]
    ]
    task.note("benchmarks", by_benchmark)
    if examples:
        task.note("examples", examples)
    with task.make(f"{stage.name}.report") as file:
        file.write(json.dumps({"benchmarks": by_benchmark, "examples": examples}, ensure_ascii=False).encode())


def shared_of(ngrams: pa.Array, units: pa.Array) -> Shared:
    """What documents share with the benchmarks, of the measured columns (list of int32, uint32)."""
    ends = np.zeros(len(ngrams) + 1, np.int64)
    np.cumsum(ngrams.value_lengths().fill_null(0).to_numpy(zero_copy_only=False), out=ends[1:])
    own_units = units.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return Shared(ngrams.flatten().to_numpy(), ends, own_units)


def covered_questions(
    shared: Shared,
    reason: pa.Array,
    benchmarks: BenchmarkIndex,
    ignored: npt.NDArray[np.bool_],
    coverage: float,
) -> tuple[Overlap, npt.NDArray[np.float64]]:
    """What documents cover of questions, without the n-grams that are `ignored` (bool, by their numbers), and the share
    of its own units that a document has in common with questions that it covers; what is reached of the questions is
    taken of the documents that have no `reason` yet."""
    entered = reason.is_null().to_numpy(zero_copy_only=False)
    found = overlap(shared, benchmarks.table, ignored, entered, coverage)
    common = covered_ngrams(shared, found)
    # n-grams that overlap: so many units and those of the last one
    in_common = np.where(common > 0, common + benchmarks.settings.ngram - 1, 0)
    return found, np.minimum(1.0, in_common / np.maximum(shared.units, 1))


def _benchmarks(settings: Settings) -> BenchmarkIndex:
    return BenchmarkIndex(BenchmarkSettings.of(settings))


def are_overlapping(found: Overlap, own: npt.NDArray[np.float64], settings: Settings) -> npt.NDArray[np.bool_]:
    """Which documents cover a question, and are in common with questions enough, of what `covered_questions` found."""
    overlapping: npt.NDArray[np.bool_]
    overlapping = (found.share >= np.float32(settings["coverage"])) & (own >= settings["of_document"])
    return overlapping


def are_exams(batch: pa.RecordBatch, name: str, rule: Settings | None) -> npt.NDArray[np.bool_]:
    """Which documents are pages of multiple-choice questions, by the stage's columns; none without a rule."""
    if rule is None:
        return np.zeros(batch.num_rows, bool)
    choices = batch.column(f"{name}.choices").fill_null(0).to_numpy(zero_copy_only=False)
    apart = batch.column(f"{name}.bytes_per_choice").fill_null(np.inf).to_numpy(zero_copy_only=False)
    exams: npt.NDArray[np.bool_] = (choices >= rule["questions"]) & (apart <= rule["bytes_per_question"])
    return exams
