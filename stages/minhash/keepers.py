"""The kept copies of each component, and what is dropped for them."""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.dedup.near_pairs import LEADERS, find_company, leaders
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import Received, read_partition
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.dedup.collapse import documents_of_records
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy
from dspipe.stages.shared.dedup.scope import Scope
from dspipe.stages.shared.dedup.send_verdicts import send_verdicts


def choose_keepers(task: Task, stage: StageSettings) -> None:
    """Choose the kept copies of each component, and compare every other document with them.

    Settings: keep and sources (`KeepPolicy`), scope and min_cluster (`Scope`), min_agreement.
    """
    policy, scope = KeepPolicy.of(stage.settings), Scope.of(stage.settings)
    for records in read_partition(task, "component", "signature"):
        orders = [records.numbers(name) for name in policy.order_names]
        order, clusters, groups = scope.group(policy, records, [records.numbers("component")], orders)
        keepers, equal = leaders(records.signatures, order, groups, stage.settings["min_agreement"])
        copies = np.add.reduceat(keepers[order] == order, groups[:-1])
        if policy.keeps_none:
            alone = lone_records(records, keepers)
            find_company(records.signatures, order, groups, stage.settings["min_agreement"], alone, keepers, equal)
        task.count("kept of chains", int((copies - 1).sum()))
        task.count("components with too many kept", int((copies > LEADERS).sum()))
        similarity = (equal / records.signatures.shape[1]).astype(np.float32)
        send_verdicts(task, records, order, clusters, keepers, similarity, keep_none=policy.keeps_none)


def lone_records(records: Received, keepers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """bool[records]: which stand for one document, for which no other is dropped."""
    followers: npt.NDArray[np.int64] = np.bincount(keepers, minlength=len(keepers))
    alone: npt.NDArray[np.bool_] = (followers == 1) & (documents_of_records(records.columns) == 1)
    return alone
