"""Labels: of each document that is paired with another, the component that it is in."""

import numpy as np

from dspipe.pipeline.doc_id import UInt64, rows_of, shards_of
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import record_batch
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.minhash.components import connected_components


def label_components(task: Task, stage: StageSettings) -> None:
    """Label every document of a pair with the smallest document of its connected component."""
    edges = ((batch.column("node").to_numpy(), batch.column("other").to_numpy()) for _, batch in task.received())
    for nodes, roots in connected_components(edges, task.memory // 2):
        send_labels(task, nodes, roots)


def send_labels(task: Task, nodes: UInt64, roots: UInt64) -> None:
    """Send nodes, which are documents, the smallest node of their component, to their shards."""
    task.emit(shards_of(nodes), record_batch({"row": rows_of(nodes), "component": roots}))
    task.count("documents", len(nodes))
    task.count("components", int(np.count_nonzero(nodes == roots)))
