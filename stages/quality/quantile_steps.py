"""The phases of `quality`: a histogram of scores per shard, thresholds from their sum, reasons.

Settings of all three: `at_least`, `drop_lowest` and `by`, as `QualityConfig` describes them; `column`, which has the
scores; and `null_counts_as`, the score of a document that has none.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import Settings, StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.artifacts import read_json_artifacts
from dspipe.stages.shared.quantiles import Bins, Groups, Histograms, bin_above, groups_of, scores_of

Bools = npt.NDArray[np.bool_]

_OTHERS = "*"
BINS = Bins(dropped=8)
"""2**-16 wide for scores of 0.5 to 1, narrower below; fastText's own scores are exact to 1e-5"""


def columns_read(settings: Settings) -> list[str]:
    """The columns that counting and judging read beside `reason`."""
    group = [] if settings["by"] == "all" else [settings["by"]]
    language = ["language"] if settings["at_least"] is not None else []
    return list(dict.fromkeys([settings["column"], *group, *language]))


def count_scores(task: Task, stage: StageSettings) -> None:
    """How often each bin occurs in each group, of the documents that are kept and pass `at_least`."""
    histograms = Histograms()
    for batch in task.rows(["reason", *columns_read(stage.settings)]):
        add_scores(histograms, batch, np.array(batch.column("reason").is_null()), stage.settings)
    with task.make(f"{stage.name}.scores") as file:
        file.write(histograms.as_json())


def find_thresholds(task: Task, stage: StageSettings) -> None:
    """Per group the lowest bin that is kept."""
    counts = Histograms(part for _, part in read_json_artifacts(task, f"{stage.name}.scores")).counts
    thresholds = lowest_kept(counts, stage.settings["drop_lowest"])
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
        low, below = find_low(batch, settings, thresholds)
        reason = batch.column("reason").cast(pa.string())
        reason = pc.coalesce(reason, _where(pa.array(low), f"{stage.name}.low_score"))
        reason = pc.coalesce(reason, _where(pa.array(below), f"{stage.name}.low_quantile"))
        task.write(pa.RecordBatch.from_arrays([reason], names=["reason"]))


def add_scores(histograms: Histograms, batch: pa.RecordBatch, kept: Bools, settings: Settings) -> None:
    """Count the documents of a batch that are kept and pass `at_least`."""
    kept = kept & ~_has_low_score(batch, settings)
    histograms.add(BINS.of(_scores(batch, settings))[kept], _groups(batch, settings["by"]).chosen(kept))


def lowest_kept(counts: Mapping[str, dict[int, int]], shares: float | dict[str, float] | None) -> dict[str, int]:
    """Per group the lowest bin that is kept. `shares`: of all groups, or by group."""
    others = shares.get(_OTHERS, 0.0) if isinstance(shares, dict) else shares
    by_group = shares if isinstance(shares, dict) else {}
    return {group: bin_above(counts[group], by_group.get(group, others) or 0.0) for group in sorted(counts)}


def find_low(batch: pa.RecordBatch, settings: Settings, thresholds: Mapping[str, int]) -> tuple[Bools, Bools]:
    """Whether each document's score is too low by value, and by its group's quantile (bool[n] each)."""
    low, below = _has_low_score(batch, settings), np.zeros(batch.num_rows, bool)
    if thresholds:
        groups = _groups(batch, settings["by"])
        minimum = np.array([thresholds.get(group, 0) for group in groups.names], np.int64)
        below = BINS.of(_scores(batch, settings)) < minimum[groups.codes]
    return low, below


def _scores(batch: pa.RecordBatch, settings: Settings) -> npt.NDArray[np.float32]:
    return scores_of(batch.column(settings["column"]), settings["null_counts_as"])


def _groups(batch: pa.RecordBatch, by: str) -> Groups:
    return groups_of(batch, by) if by != "all" else Groups(["all"], np.zeros(batch.num_rows, np.int64))


def _has_low_score(batch: pa.RecordBatch, settings: Settings) -> Bools:
    at_least, scores = settings["at_least"], _scores(batch, settings)
    if at_least is None:
        return np.zeros(len(scores), bool)
    if not isinstance(at_least, dict):
        return scores < np.float32(at_least)
    languages = groups_of(batch, "language")
    others = at_least.get(_OTHERS, -np.inf)
    minimum = np.array([at_least.get(language, others) for language in languages.names], np.float32)
    low: Bools = scores < minimum[languages.codes]
    return low


def _where(condition: pa.Array, reason: str) -> Any:
    return pc.if_else(condition, reason, pa.scalar(None, pa.string()))
