"""Documents by the hash of their text or address: records to the hashes' partitions, and one kept copy of each hash."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.text_hash import text_hashes
from dspipe.pipeline.storage.records import Numbers, combined, received, record_batch, rows_kept, spread
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy
from dspipe.stages.shared.dedup.scope import Scope
from dspipe.stages.shared.dedup.sending import send_verdicts

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task


def send_records(task: "Task", column: str, policy: KeepPolicy) -> None:
    """Send hash, row and order of each document that is still kept, the copies of a batch as one record."""
    for rows, high, low, batch in _hashed(task, column, ["dump", *policy.columns()]):
        orders = policy.order(batch)
        best, columns = combined(policy, [high, low], orders, rows)
        columns |= {"dump": batch.column("dump").take(pa.array(best))}
        values = {"high": high, "low": low, **orders}
        records = record_batch(columns | {name: array[best] for name, array in values.items()})
        task.emit(spread(high[best], task.partitions), records)


def send_hashes(task: "Task", column: str, others: Sequence[str] = ()) -> None:
    """Send hash and row of each document that is still kept, and other columns: to be looked up, or into an index."""
    for rows, high, low, batch in _hashed(task, column, others):
        columns = {"key": high, "low": low, "row": rows} | {name: batch.column(name) for name in others}
        task.emit(spread(high, task.partitions), record_batch(columns))


def group_by_hash(task: "Task", policy: KeepPolicy, scope: Scope) -> None:
    """Choose the kept copy of each hash."""
    for records in received(task, "low"):
        hashes = [records.numbers("high"), records.numbers("low")]
        orders = [records.numbers(name) for name in policy.order_names]
        order, clusters, groups = scope.ordered(policy, records, hashes, orders)
        keepers = np.empty(len(records), np.int64)
        keepers[order] = np.repeat(order[groups[:-1]], np.diff(groups))
        sizes = np.diff(clusters)
        repeated = np.add.reduceat(records.weights[order], clusters[:-1]) > 1
        order, sizes = order[np.repeat(repeated, sizes)], sizes[repeated]
        task.count("hashes", len(repeated))
        task.count("repeated", len(sizes))
        clusters = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        send_verdicts(task, records, order, clusters, keepers, np.ones(len(records), np.float32))


def _hashed(
    task: "Task", column: str, others: Sequence[str]
) -> Iterator[tuple[npt.NDArray[np.uint32], Numbers, Numbers, pa.RecordBatch]]:
    """Rows, the two halves of their hashes, and columns of the documents that are still kept and have a hash."""
    for rows, batch in rows_kept(task, [column, *others]):
        known = pc.is_valid(batch.column(column))
        batch, rows = batch.filter(known), rows[known.to_numpy(zero_copy_only=False)]
        values = batch.column(column)
        hashes = _address_hashes(values) if column == "url" else _stored_hashes(values)
        yield rows, np.ascontiguousarray(hashes[:, 1]), np.ascontiguousarray(hashes[:, 0]), batch


def _stored_hashes(column: pa.Array) -> Numbers:
    data = column.buffers()[1]
    values = np.frombuffer(data, np.uint64) if data is not None else np.empty(0, np.uint64)
    return values.reshape(-1, 2)[column.offset : column.offset + len(column)]


def _address_hashes(column: pa.Array) -> Numbers:
    bare = pc.replace_substring_regex(column, r"^[A-Za-z][A-Za-z0-9+.-]*://|#.*$", "")
    return text_hashes(*text_buffers(pc.replace_substring_regex(bare, r"/+$", "")))
