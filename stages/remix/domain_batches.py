"""A shard's documents as remix sees them: the domain of each, and its position in that domain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.urls.hosts_of import hosts_of
from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.stage import NOTHING
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.remix.epochs import hash_positions
from dspipe.stages.remix.score_counts import score_bins
from dspipe.stages.remix.settings import PAIR, POSITION, UNKNOWN, Grouping, by_columns


@dataclass(frozen=True)
class DomainBatch:
    """A batch of n documents: `codes` int64[n] into `names` of domains, `positions` float64[n] in the domain
    (`stages.remix.epochs`), `tokens` int64[n] in the unit of the plan, and whether each is still `kept`."""

    reasons: pa.Array | None
    """why documents were dropped, null where they were not; None where nobody asks"""
    names: list[str]
    codes: npt.NDArray[np.int64]
    positions: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.int64]
    kept: npt.NDArray[np.bool_]
    score_bins: npt.NDArray[np.int64] | None = None
    """the bins of their scores (`stages.remix.score_counts`), where there is a curve"""


def read_domains(
    task: Task, grouping: Grouping, seed: int, merged: Mapping[str, str] = NOTHING
) -> Iterator[DomainBatch]:
    """The shard's documents in batches. `merged`: the new names of domains that were put together with others."""
    for batch in task.rows(grouping.columns):
        tokens = batch.column(grouping.unit).to_numpy(zero_copy_only=False).astype(np.int64)
        reasons = batch.column("reason")
        kept = reasons.is_null().to_numpy(zero_copy_only=False)
        yield domain_batch(batch, grouping, seed, tokens, kept, reasons, merged)


def domain_batch(
    batch: pa.RecordBatch,
    grouping: Grouping,
    seed: int,
    tokens: npt.NDArray[np.int64],
    kept: npt.NDArray[np.bool_],
    reasons: pa.Array | None = None,
    merged: Mapping[str, str] = NOTHING,
) -> DomainBatch:
    """A batch of documents, of which the columns for domain and position are read."""
    encoded = _join_values(batch, grouping).dictionary_encode()
    values = encoded.dictionary.to_pylist()
    if grouping.groups is not None:
        group_of = {value: name for name, values in grouping.groups.items() for value in values}
        values = [group_of.get(value, "other") for value in values]
    values = [merged.get(value, value) for value in values]
    names = sorted(set(values))
    number_of = {name: number for number, name in enumerate(names)}
    codes = np.array([number_of[value] for value in values], np.int64)[encoded.indices.to_numpy()]
    if grouping.by_importance:
        positions = batch.column(POSITION).to_numpy()
    else:
        positions = hash_positions(seeded_hashes(batch.column("origin"), seed))
    bins = score_bins(batch.column(grouping.score)) if grouping.score is not None else None
    return DomainBatch(reasons, names, codes, positions, tokens, kept, bins)


def _join_values(batch: pa.RecordBatch, grouping: Grouping) -> pa.Array:
    columns = []
    for name, key in zip(by_columns(grouping.by), grouping.keys, strict=True):
        column = batch.column(key)
        columns.append(pc.fill_null((hosts_of(column) if name == "host" else column).cast("string"), UNKNOWN))
    return columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, PAIR)
