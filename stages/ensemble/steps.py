"""What the phases of `ensemble` do: count by score, add up, put ranks together, count again, cut into buckets."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.ensemble.masses import Masses, Ranks, add_masses, write_masses
from dspipe.stages.ensemble.ranking import BINS, buckets_of, put_together, weights_of
from dspipe.stages.ensemble.stage import columns_read
from dspipe.stages.shared.artifacts import read_artifacts
from dspipe.stages.shared.quantiles import groups_of, scores_of


def count_scores(task: Task, stage: StageSettings) -> None:
    """The mass of each bin of each score, by group, of what is still kept. Settings: of, within, unit."""
    settings = stage.settings
    masses = {name: Masses() for name in settings["of"]}
    for batch in task.rows(columns_read(settings)):
        kept = batch.filter(pc.is_null(batch.column("reason")))
        groups, weights = groups_of(kept, *settings["within"]), weights_of(kept, settings["unit"])
        for name, found in masses.items():
            found.add(BINS.of(scores_of(kept.column(name))), groups, weights)
    _make(task, f"{stage.name}.scores", masses)


def add_up(task: Task, stage: StageSettings) -> None:
    """Add up what the shards have counted. Settings: what, the word of the phase that made them."""
    total = _read(task, f"{stage.name}.{stage.settings['what']}")
    _make(task, f"{stage.name}.{'ranks' if stage.settings['what'] == 'scores' else 'cuts'}", total)


def combine_ranks(task: Task, stage: StageSettings) -> None:
    """Put each document's ranks together. Settings: of, within, unit, how, weights."""
    settings = stage.settings
    counted = _read(task, f"{stage.name}.ranks")
    ranks = {name: Ranks(counted.get(name, Masses())) for name in settings["of"]}
    together = Masses()
    for batch in task.rows(columns_read(settings)):
        is_kept = pc.is_null(batch.column("reason"))
        kept = batch.filter(is_kept)
        groups = groups_of(kept, *settings["within"])
        found = [ranks[name].of(BINS.of(scores_of(kept.column(name))), groups) for name in settings["of"]]
        combined = put_together(np.stack(found), settings)
        together.add(BINS.of(combined), groups, weights_of(kept, settings["unit"]))
        values = pc.replace_with_mask(pa.nulls(batch.num_rows, pa.float32()), is_kept, pa.array(combined))
        task.write(pa.RecordBatch.from_arrays([values], names=[f"{stage.name}.combined"]))
    _make(task, f"{stage.name}.combine", {"combined": together})


def write_buckets(task: Task, stage: StageSettings) -> None:
    """Each document's rank and bucket, and the drops. Settings: within, buckets, keep_from."""
    within, buckets, keep_from = (stage.settings[name] for name in ("within", "buckets", "keep_from"))
    combined = f"{stage.name}.combined"
    ranks = Ranks(_read(task, f"{stage.name}.cuts").get("combined", Masses()))
    for batch in task.rows(["reason", combined, *within]):
        is_kept = pc.is_null(batch.column("reason"))
        kept = batch.filter(is_kept)
        rank = ranks.of(BINS.of(kept.column(combined).to_numpy()), groups_of(kept, *within))
        bucket = buckets_of(rank, buckets)
        columns = {
            stage.name: _spread(pa.array(rank.astype(np.float32)), is_kept),
            f"{stage.name}.bucket": _spread(pa.array(bucket), is_kept),
        }
        if keep_from is not None:
            low = _spread(pa.array(bucket < keep_from), is_kept)
            reason = pc.if_else(low, f"{stage.name}.low_bucket", pa.scalar(None, pa.string()))
            columns["reason"] = pc.coalesce(batch.column("reason").cast(pa.string()), reason)
        task.write(pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns)))


def _spread(values: pa.Array, is_kept: pa.Array) -> pa.Array:
    """The values of what is kept at their rows, null elsewhere."""
    return pc.replace_with_mask(pa.nulls(len(is_kept), values.type), is_kept, values)


def _make(task: Task, artifact: str, scores: Mapping[str, Masses]) -> None:
    with task.make(artifact) as file:
        write_masses(file, scores)


def _read(task: Task, artifact: str) -> dict[str, Masses]:
    """All that the tasks of a phase have counted, by score."""
    found: dict[str, Masses] = {}
    for _, content in read_artifacts(task, artifact):
        add_masses(content, found)
    return found
