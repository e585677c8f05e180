"""What is known of a phase when it has ended."""

from dataclasses import dataclass
from typing import Any

from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.tasks.losses import noted_losses
from dspipe.pipeline.tasks.task import Manifest, TaskSpec

ALARMS = "alarms"
"""the note of a stage or of the text pass that should be seen first"""


@dataclass
class PhaseSummary:
    """What is known of a phase when it has ended: sums over its tasks."""

    name: str
    over: str
    """what its tasks are over, as in `pipeline.plan.planned_phase.Over`"""
    stages: list[str]
    tasks: int
    reused: int
    seconds: float
    """of worker time, summed over the tasks whenever they ran"""
    bytes_written: int
    counters: dict[str, int]
    funnel: list[Funnel]
    manifests: list[str]
    notes: dict[str, Any]
    """of phases that are one task, and the losses of the text pass"""
    inputs: str | None

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**vars(self), "funnel": [entry.as_json() for entry in self.funnel]}

    @staticmethod
    def from_json(value: dict[str, Any]) -> "PhaseSummary":
        """The reverse of `as_json`."""
        return PhaseSummary(**{**value, "funnel": [Funnel.from_json(entry) for entry in value["funnel"]]})

    @property
    def by_shard(self) -> bool:
        """Whether manifest i is of shard i."""
        return self.over in ("inputs", "shards")


def summarize(phase: PlannedPhase, specs: list[TaskSpec], manifests: list[Manifest], reused: int) -> PhaseSummary:
    """Sum up a phase from the manifests of its tasks, in their order."""
    return PhaseSummary(
        name=phase.name,
        over=phase.over,
        stages=list(phase.stages),
        tasks=len(specs),
        reused=reused,
        seconds=round(sum(manifest["seconds"] for manifest in manifests), 3),
        bytes_written=sum(file["bytes"] for manifest in manifests for file in manifest["files"]),
        counters=_sum_counters(manifests),
        funnel=_merge_funnels(manifests),
        manifests=[manifest["file"] for manifest in manifests],
        notes=manifests[0]["notes"] if phase.over == "once" else _losses(manifests),
        inputs=specs[0].inputs if specs else None,
    )


def _losses(manifests: list[Manifest]) -> dict[str, Any]:
    losses = noted_losses(manifests)
    return {ALARMS: losses} if losses else {}


def _sum_counters(manifests: list[Manifest]) -> dict[str, int]:
    total: dict[str, int] = {}
    for manifest in manifests:
        for key, n in manifest["counters"].items():
            total[key] = total.get(key, 0) + n
    return dict(sorted(total.items()))


def _merge_funnels(manifests: list[Manifest]) -> list[Funnel]:
    merged: dict[str, Funnel] = {}
    for manifest in manifests:
        for value in manifest["funnel"]:
            merged.setdefault(value["stage"], Funnel(value["stage"])).merge(Funnel.from_json(value))
    return list(merged.values())
