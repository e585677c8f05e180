"""Documents by the hash of their text or address: records to the hashes' partitions, and one kept copy of each hash."""

import numpy as np
import pyarrow as pa

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import partition_of, read_partition, record_batch
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.exact_dedup.hashed_rows import read_hashed_rows
from dspipe.stages.shared.dedup.collapse import collapse_equal_rows, documents_of_records
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy
from dspipe.stages.shared.dedup.scope import Scope
from dspipe.stages.shared.dedup.send_verdicts import send_verdicts


def send_records(task: Task, stage: StageSettings) -> None:
    """Send hash, row and order of each document that is still kept, the copies of a batch as one record.

    Settings: by, `text` or `url`; keep and sources (`KeepPolicy`).
    """
    policy = KeepPolicy.of(stage.settings)
    for rows, hashes, batch in read_hashed_rows(task, stage, ["dump", *policy.columns()]):
        orders = policy.order(batch)
        best, columns = collapse_equal_rows(policy, hashes, orders, rows)
        columns |= {"dump": batch.column("dump").take(pa.array(best))}
        values = {"high": hashes.high, "low": hashes.low, **orders}
        records = record_batch(columns | {name: array[best] for name, array in values.items()})
        task.emit(partition_of(hashes.high[best], task.partitions), records)


def choose_keepers(task: Task, stage: StageSettings) -> None:
    """Choose the kept copy of each hash. Settings: keep and sources (`KeepPolicy`), scope and min_cluster (`Scope`)."""
    policy, scope = KeepPolicy.of(stage.settings), Scope.of(stage.settings)
    for records in read_partition(task, "low"):
        hashes = [records.numbers("high"), records.numbers("low")]
        orders = [records.numbers(name) for name in policy.order_names]
        order, clusters, groups = scope.group(policy, records, hashes, orders)
        keepers = np.empty(len(records), np.int64)
        keepers[order] = np.repeat(order[groups[:-1]], np.diff(groups))
        sizes = np.diff(clusters)
        repeated = np.add.reduceat(documents_of_records(records.columns)[order], clusters[:-1]) > 1
        order, sizes = order[np.repeat(repeated, sizes)], sizes[repeated]
        task.count("hashes", len(repeated))
        task.count("repeated", len(sizes))
        clusters = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        alike = np.ones(len(records), np.float32)
        send_verdicts(task, records, order, clusters, keepers, alike, keep_none=policy.keeps_none)
