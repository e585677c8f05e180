"""The phases of `perplexity`: a histogram of scores per shard, two thresholds a language, each document's bucket."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.artifacts import read_json_artifacts
from dspipe.stages.shared.quantiles import Bins, Histograms, bin_above, groups_of

BUCKETS = ("head", "middle", "tail")
BINS = Bins(dropped=12)
"""a part in 2,000 wide: a document's perplexity is not known better than that"""
COLUMNS = ("reason", "perplexity", "language")


def count_scores(task: Task, stage: StageSettings) -> None:
    """How often each bin occurs in each language, of the documents that are still kept. No settings."""
    histograms = Histograms()
    for batch in task.rows(COLUMNS):
        add_scores(histograms, batch, np.array(batch.column("reason").is_null()))
    with task.make(f"{stage.name}.scores") as file:
        file.write(histograms.as_json())


def find_thresholds(task: Task, stage: StageSettings) -> None:
    """Per language the lowest bins of the middle and of the tail. Settings: head, middle (shares)."""
    counts = Histograms(part for _, part in read_json_artifacts(task, f"{stage.name}.scores")).counts
    bins = bucket_starts(counts, stage.settings["head"], stage.settings["middle"])
    task.note(
        "perplexities",
        [
            {
                "language": group,
                "documents": sum(counts[group].values()),
                "middle from": BINS.start(middle),
                "tail from": BINS.start(tail),
            }
            for group, (middle, tail) in bins.items()
        ],
    )
    with task.make(f"{stage.name}.thresholds") as file:
        file.write(json.dumps(bins).encode())


def judge(task: Task, stage: StageSettings) -> None:
    """Buckets, and reasons for those that aren't kept. Settings: keep (buckets, or null for all)."""
    keep = stage.settings["keep"]
    (file,) = task.artifact(f"{stage.name}.thresholds")
    thresholds: dict[str, list[int]] = json.loads(file.read())
    for batch in task.rows(COLUMNS):
        buckets = buckets_of(batch, thresholds)
        columns = [buckets]
        if keep is not None:
            others = pc.is_in(buckets, pa.array([name for name in BUCKETS if name not in keep], pa.string()))
            why = pc.binary_join_element_wise(stage.name, buckets, ".")
            reason = pc.if_else(others, why, pa.scalar(None, pa.string()))
            columns.insert(0, pc.coalesce(batch.column("reason").cast(pa.string()), reason))
        names = ["reason", f"{stage.name}.bucket"][-len(columns) :]
        task.write(pa.RecordBatch.from_arrays(columns, names=names))
        task.progress(documents=batch.num_rows, bytes=0)


def add_scores(histograms: Histograms, batch: pa.RecordBatch, kept: npt.NDArray[np.bool_]) -> None:
    """Count the documents of a batch that are kept and have a perplexity."""
    chosen = batch.filter(pc.and_(pa.array(kept), pc.is_valid(batch.column("perplexity"))))
    histograms.add(BINS.of(chosen.column("perplexity").to_numpy()), groups_of(chosen, "language"))


def bucket_starts(counts: Mapping[str, dict[int, int]], head: float, middle: float) -> dict[str, list[int]]:
    """Per language the lowest bins of the middle and of the tail."""
    return {group: [bin_above(counts[group], share) for share in (head, head + middle)] for group in sorted(counts)}


def buckets_of(batch: pa.RecordBatch, starts: Mapping[str, Sequence[int]]) -> pa.Array:
    """The bucket of each document (string), null without a perplexity."""
    scores, groups = batch.column("perplexity"), groups_of(batch, "language")
    bins = BINS.of(scores.fill_null(0).to_numpy(zero_copy_only=False))
    of_group = np.array([starts.get(group, [0, 0]) for group in groups.names], np.int64).reshape(-1, 2)
    number = (bins[:, None] >= of_group[groups.codes]).sum(axis=1)
    return pa.array(BUCKETS, pa.string()).take(pa.array(number, mask=~np.array(scores.is_valid(), bool)))
