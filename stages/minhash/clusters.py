"""From pairs to verdicts: connected components, and in each of them the copies that are kept."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dspipe.kernels.dedup.minhash import band_keys
from dspipe.kernels.dedup.near_pairs import LEADERS, leaders
from dspipe.pipeline.storage.records import combined, mixed, received, record_batch, spread
from dspipe.pipeline.storage.records_by_row import RecordsByRow
from dspipe.stages.minhash.components import connected_components
from dspipe.stages.minhash.components_by_partition import send_labels
from dspipe.stages.minhash.settings import Banding
from dspipe.stages.minhash.signatures import stored_signatures
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy
from dspipe.stages.shared.dedup.scope import Scope
from dspipe.stages.shared.dedup.sending import send_verdicts

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task


def label_components(task: "Task") -> None:
    """Label every document of a pair with the smallest document of its connected component."""
    edges = ((batch.column("node").to_numpy(), batch.column("other").to_numpy()) for _, batch in task.received())
    for nodes, roots in connected_components(edges, task.memory // 2):
        send_labels(task, nodes, roots)


def send_members(task: "Task", column: str, policy: KeepPolicy) -> None:
    """Send every document of a component, with what decides whether it is kept, to the component's partition."""
    if not task.received_bytes:
        return
    labels = RecordsByRow(task, pa.schema({"row": pa.uint32(), "component": pa.uint64()}))
    first = 0
    for batch in task.rows(list(dict.fromkeys([column, "dump", *policy.columns()]))):
        labelled = labels.between(first, first + batch.num_rows)
        rows, component = labelled.column("row").to_numpy(), labelled.column("component").to_numpy()
        chosen = batch.take(pa.array(rows.astype(np.int64) - first))
        signed, _ = stored_signatures(chosen.column(column))
        orders = policy.order(chosen)
        same = band_keys(signed, 1, signed.shape[1])[:, 0]
        best, columns = combined(policy, [component, same], orders, rows)
        values = {"component": component, **orders}
        columns |= {name: array[best] for name, array in values.items()}
        columns |= {name: chosen.column(name).take(pa.array(best)) for name in ("dump", column)}
        columns["signature"] = columns.pop(column)
        task.emit(spread(mixed(component[best]), task.partitions), record_batch(columns))
        first += batch.num_rows


def choose_keepers(task: "Task", policy: KeepPolicy, banding: Banding, scope: Scope) -> None:
    """Choose the kept copies of each component, and compare every other document with them."""
    for records in received(task, "component", "signature"):
        orders = [records.numbers(name) for name in policy.order_names]
        order, clusters, groups = scope.ordered(policy, records, [records.numbers("component")], orders)
        keepers, equal = leaders(records.signed, order, groups, banding.least)
        copies = np.add.reduceat(keepers[order] == order, groups[:-1])
        task.count("kept of chains", int((copies - 1).sum()))
        task.count("components with too many kept", int((copies > LEADERS).sum()))
        send_verdicts(task, records, order, clusters, keepers, (equal / banding.permutations).astype(np.float32))
