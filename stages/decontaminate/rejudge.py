"""What `decontaminate` would decide if other documents came to it: exact, for each document's n-grams are stored."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.stage import Settings
from dspipe.stages.decontaminate.index import BenchmarkIndex
from dspipe.stages.decontaminate.steps import are_exams, are_overlapping, covered_questions, shared_of


def rejudge(name: str, settings: Settings, benchmarks: BenchmarkIndex, documents: RunDocuments) -> Rejudged:
    """Settings: coverage, of_document, action, common_documents, multiple_choice."""
    codes = np.full(len(documents.enters), -1, np.int32)
    ignored = _common(name, settings["common_documents"], benchmarks.ngrams, documents)
    columns = [f"{name}.{column}" for column in ("ngrams", "units", "choices", "bytes_per_choice")]
    for first, batch in documents.read(columns):
        rows = slice(first, first + batch.num_rows)
        shared = shared_of(batch.column(0), batch.column(1))
        # whose verdict it is matters for what is reached of the questions alone
        none = pa.nulls(batch.num_rows, pa.string())
        found, own = covered_questions(shared, none, benchmarks, ignored, settings["coverage"])
        overlapping = are_overlapping(found, own, settings) & (settings["action"] == "drop")
        codes[rows] = np.where(overlapping, 0, np.where(are_exams(batch, name, settings["multiple_choice"]), 1, -1))
    if settings["action"] == "mark":
        codes[:] = -1
    return Rejudged((f"{name}.overlap", f"{name}.multiple_choice"), codes)


def _common(name: str, most: int | None, ngrams: int, documents: RunDocuments) -> npt.NDArray[np.bool_]:
    """bool[ngrams]: which more than so many of the documents have."""
    sums = np.zeros(ngrams, np.int64)
    for first, batch in documents.read([f"{name}.ngrams"]) if most is not None else ():
        chosen = pa.array(documents.enters[first : first + batch.num_rows])
        sums += np.bincount(batch.column(0).filter(chosen).flatten().to_numpy(), minlength=ngrams)
    return sums > (sums.max(initial=0) if most is None else most)
