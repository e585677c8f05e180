"""The kept copies of each component, and what is dropped for them, by the sets of their shingles.

A cluster is a kept copy with what is dropped for it: that signatures propose a pair says nothing of its texts.
"""

import tempfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.dedup.exact_pairs import CONTAINED, LEADERS, exact_leaders, find_exact_company
from dspipe.kernels.dedup.shingle_sets import ShingleSets
from dspipe.kernels.sorted_arrays import run_bounds
from dspipe.pipeline.doc_id import UInt64, doc_ids
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import Received, murmur_hash64, slice_of, slices_that_fit
from dspipe.pipeline.tasks.spill import received_slices
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.minhash.keepers import lone_records
from dspipe.stages.shared.dedup.collapse import documents_of_records
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy
from dspipe.stages.shared.dedup.scope import Scope
from dspipe.stages.shared.dedup.send_verdicts import send_verdicts

_SETS = "shingles"


class Members(NamedTuple):
    """Records of a partition, and how they are compared."""

    records: Received
    sets: ShingleSets
    orders: list[UInt64]
    """what decides which is kept, before their age"""


class Verdicts(NamedTuple):
    """What `exact_leaders` says of each record."""

    keepers: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float32]
    reasons: npt.NDArray[np.uint8]


def choose_keepers(task: Task, stage: StageSettings) -> None:
    """Choose the kept copies of each component, and compare every other document with them.

    Settings: keep and sources (`KeepPolicy`), scope and min_cluster (`Scope`), threshold, and containment or null.
    """
    policy, scope = KeepPolicy.of(stage.settings), Scope.of(stage.settings)
    for records, sets in _read_sets(task):
        orders = [records.numbers(name) for name in policy.order_names]
        if stage.settings["containment"] is not None:
            orders.insert(0, ~sets.sizes.astype(np.uint64))
        members, component = Members(records, sets, orders), records.numbers("component")
        if scope.min_cluster is None:
            verdicts = _choose(task, stage, scope, members, [component])
        else:
            verdicts = _choose(task, stage, Scope(False, None), members, [component])
            roots = verdicts.keepers[verdicts.keepers]
            sizes = np.bincount(roots, documents_of_records(records.columns), len(records))
            large = sizes[roots] >= scope.min_cluster
            apart = [component, np.where(large, roots + 1, 0).astype(np.uint64)]
            within = _choose(task, stage, Scope(True, None), members, apart)
            np.copyto(verdicts.keepers, within.keepers, where=~large)
            np.copyto(verdicts.shares, within.shares, where=~large)
            np.copyto(verdicts.reasons, within.reasons, where=~large)
        _send(task, policy, members, verdicts)


def _choose(task: Task, stage: StageSettings, scope: Scope, members: Members, cluster: Sequence[UInt64]) -> Verdicts:
    """The verdicts among records whose numbers in `cluster` are equal, of one dump where the scope says so."""
    policy, threshold = KeepPolicy.of(stage.settings), stage.settings["threshold"]
    records, sets, orders = members
    order, _, groups = scope.group(policy, records, cluster, orders)
    count = len(records)
    verdicts = Verdicts(np.empty(count, np.int64), np.empty(count, np.float32), np.empty(count, np.uint8))
    exact_leaders(*sets, order, groups, threshold, stage.settings["containment"] or 0.0, *verdicts)
    copies = np.add.reduceat(verdicts.keepers[order] == order, groups[:-1])
    task.count("components with too many kept", int((copies > LEADERS).sum()))
    if policy.keeps_none:
        alone = lone_records(records, verdicts.keepers)
        find_exact_company(*sets, order, groups, threshold, alone, verdicts.keepers, verdicts.shares)
    return verdicts


def _send(task: Task, policy: KeepPolicy, members: Members, verdicts: Verdicts) -> None:
    """Send the verdicts of clusters of two documents or more."""
    records = members.records
    roots = verdicts.keepers[verdicts.keepers]
    documents = documents_of_records(records.columns)
    repeated = np.bincount(roots, documents, len(records))[roots] > 1
    order = policy.sort([roots.astype(np.uint64)], members.orders, records.documents)
    order = order[repeated[order]]
    task.count("documents compared", int(documents.sum()))
    task.count("documents like no other", int(documents[~repeated].sum()))
    task.count("documents inside another", int(documents[verdicts.reasons == CONTAINED].sum()))
    clusters = run_bounds(roots[order]) if len(order) else np.zeros(1, np.int64)
    send_verdicts(
        task, records, order, clusters, verdicts.keepers, verdicts.shares, verdicts.reasons, policy.keeps_none
    )


def _read_sets(task: Task) -> Iterator[tuple[Received, ShingleSets]]:
    """The records sent to this task, and their sets, in a file without a name as signatures are (`Received`).

    All of a component's are in one slice.
    """
    slices = slices_that_fit(task)
    for part in received_slices(
        task, slices, lambda batch: slice_of(murmur_hash64(batch.column("component").to_numpy()), slices)
    ):
        documents, tables, sizes = [], [], [np.zeros(1, np.int64)]
        with tempfile.TemporaryFile() as file:
            for sender, batch in part:
                documents.append(doc_ids(sender, batch.column("row").to_numpy()))
                lists = batch.column(_SETS)
                sizes.append(np.diff(lists.offsets.to_numpy()).astype(np.int64))
                file.write(lists.flatten().to_numpy().tobytes())
                batch = batch.drop_columns([_SETS])
                # copied: what is read is a slice of a message, sets and all
                tables.append(batch.take(pa.array(np.arange(len(batch)))))
            file.flush()
            if documents:
                offsets = np.cumsum(np.concatenate(sizes))
                hashes = np.memmap(file, np.uint64, "r") if offsets[-1] else np.empty(0, np.uint64)
                records = Received(
                    np.concatenate(documents), pa.Table.from_batches(tables), np.empty((0, 1), np.uint32)
                )
                yield records, ShingleSets(hashes, offsets)
