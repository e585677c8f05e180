"""The documents of each component brought together."""

import numpy as np
import pyarrow as pa

from dspipe.kernels.dedup.minhash import band_keys
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import murmur_hash64, partition_of, record_batch
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.minhash.signatures import signature_column_of, stored_signatures
from dspipe.stages.shared.dedup.collapse import collapse_equal_rows
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy

LABELS = pa.schema({"row": pa.uint32(), "component": pa.uint64()})


def send_members(task: Task, stage: StageSettings) -> None:
    """Send every document of a component, with what decides whether it is kept, to the component's partition.

    Those of a batch whose signatures are equal go as one record: they would all meet the same fate. Settings: keep and
    sources (`KeepPolicy`).
    """
    if not task.received_bytes:
        return
    policy, column = KeepPolicy.of(stage.settings), signature_column_of(stage.name)
    labels = RecordsByRow(task, LABELS)
    first = 0
    for batch in task.rows(list(dict.fromkeys([column, "dump", *policy.columns()]))):
        labelled = labels.between(first, first + batch.num_rows)
        rows, component = labelled.column("row").to_numpy(), labelled.column("component").to_numpy()
        members = batch.take(pa.array(rows.astype(np.int64) - first))
        signed, _ = stored_signatures(members.column(column))
        orders = policy.order(members)
        signature_hash = band_keys(signed, 1, signed.shape[1])[:, 0]
        best, columns = collapse_equal_rows(policy, [component, signature_hash], orders, rows)
        columns |= {name: pa.array(values[best]) for name, values in {"component": component, **orders}.items()}
        columns["dump"] = members.column("dump").take(pa.array(best))
        columns["signature"] = members.column(column).take(pa.array(best))
        task.emit(partition_of(murmur_hash64(component[best]), task.partitions), record_batch(columns))
        first += batch.num_rows
