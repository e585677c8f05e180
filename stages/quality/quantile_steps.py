"""The phases of `quality`: a histogram of scores per shard, thresholds from their sum, reasons.

Settings of all three: `at_least`, `drop_lowest`, `by` and `column`, as `QualityConfig` describes them.
"""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import Settings, StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.artifacts import read_json_artifacts
from dspipe.stages.shared.quantiles import Bins, Histograms, bin_above, strings

_OTHERS = "*"
BINS = Bins(dropped=8)
"""2**-16 wide for scores of 0.5 to 1, narrower below; fastText's own scores are exact to 1e-5"""


def columns_read(settings: Settings) -> list[str]:
    """The columns that counting and judging read beside `reason`."""
    group = [] if settings["by"] == "all" else [settings["by"]]
    language = ["language"] if settings["at_least"] is not None else []
    return list(dict.fromkeys([score_column(settings["column"])[0], *group, *language]))


def score_column(column: str | None) -> tuple[str, float]:
    """The column with the scores, and what a document without one counts as: of a model's it is nothing that the model
    knows, and 0; of a column given, whose scale may go below 0, less than any."""
    return ("quality", 0.0) if column is None else (column, float(np.finfo(np.float32).min))


def count_scores(task: Task, stage: StageSettings) -> None:
    """How often each bin occurs in each group, of the documents that are kept and pass `at_least`."""
    histograms = Histograms()
    for batch in task.rows(["reason", *columns_read(stage.settings)]):
        kept = np.array(batch.column("reason").is_null()) & ~_has_low_score(batch, stage.settings)
        histograms.add(BINS.of(_scores(batch, stage.settings))[kept], _groups(batch, stage.settings["by"])[kept])
    with task.make(f"{stage.name}.scores") as file:
        file.write(histograms.as_json())


def find_thresholds(task: Task, stage: StageSettings) -> None:
    """Per group the lowest bin that is kept."""
    counts = Histograms(part for _, part in read_json_artifacts(task, f"{stage.name}.scores")).counts
    shares = stage.settings["drop_lowest"]
    thresholds = {}
    for group in sorted(counts):
        share = shares.get(group, shares.get(_OTHERS, 0.0)) if isinstance(shares, dict) else shares
        thresholds[group] = bin_above(counts[group], share or 0.0)
    task.note("thresholds", {group: BINS.start(bin) for group, bin in thresholds.items()})
    with task.make(f"{stage.name}.thresholds") as file:
        file.write(json.dumps(thresholds).encode())


def judge(task: Task, stage: StageSettings) -> None:
    """Reasons by value, then by quantile."""
    settings = stage.settings
    thresholds: dict[str, int] = {}
    if settings["drop_lowest"] is not None:
        (file,) = task.artifact(f"{stage.name}.thresholds")
        thresholds = json.loads(file.read())
    for batch in task.rows(["reason", *columns_read(settings)]):
        reason = batch.column("reason").cast(pa.string())
        low = pa.array(_has_low_score(batch, settings))
        reason = pc.coalesce(reason, _where(low, f"{stage.name}.low_score"))
        if thresholds:
            groups, inverse = np.unique(_groups(batch, settings["by"]), return_inverse=True)
            minimum = np.array([thresholds.get(group, 0) for group in groups.tolist()], np.int64)[inverse]
            below = pa.array(BINS.of(_scores(batch, settings)) < minimum)
            reason = pc.coalesce(reason, _where(below, f"{stage.name}.low_quantile"))
        task.write(pa.RecordBatch.from_arrays([reason], names=["reason"]))


def _scores(batch: pa.RecordBatch, settings: Settings) -> npt.NDArray[np.float32]:
    column, null = score_column(settings["column"])
    found = pc.cast(batch.column(column), pa.float32(), safe=False)
    scores: npt.NDArray[np.float32] = pc.fill_null(found, pa.scalar(null, pa.float32())).to_numpy(zero_copy_only=False)
    return scores


def _groups(batch: pa.RecordBatch, by: str) -> npt.NDArray[np.object_]:
    return strings(batch, by) if by != "all" else np.full(batch.num_rows, "all", object)


def _has_low_score(batch: pa.RecordBatch, settings: Settings) -> npt.NDArray[np.bool_]:
    at_least = settings["at_least"]
    scores = _scores(batch, settings)
    if at_least is None:
        return np.zeros(len(scores), bool)
    if not isinstance(at_least, dict):
        return scores < np.float32(at_least)
    languages, inverse = np.unique(strings(batch, "language"), return_inverse=True)
    others = at_least.get(_OTHERS, -np.inf)
    minimum = np.array([at_least.get(language, others) for language in languages.tolist()], np.float32)
    low: npt.NDArray[np.bool_] = scores < minimum[inverse]
    return low


def _where(condition: pa.Array, reason: str) -> Any:
    return pc.if_else(condition, reason, pa.scalar(None, pa.string()))
