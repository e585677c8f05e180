"""What is known of a phase when it has ended."""

from dataclasses import dataclass
from typing import Any

from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.tasks.losses import noted_losses
from dspipe.pipeline.tasks.origins import ID_SAMPLE, repeated_ids
from dspipe.pipeline.tasks.spec import Manifest

REPEATED_IDS = "repeated ids"
"""the note of the text pass that says how many documents have an id that another one has, too"""
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


def summarize(phase: PlannedPhase, manifests: list[Manifest], reused: int, inputs: str | None) -> PhaseSummary:
    """Sum up a phase from the manifests of its tasks, in their order. `inputs`: the file that lists what they share."""
    return PhaseSummary(
        name=phase.name,
        over=phase.over,
        stages=list(phase.stages),
        tasks=len(manifests),
        reused=reused,
        seconds=round(sum(manifest["seconds"] for manifest in manifests), 3),
        bytes_written=sum(file["bytes"] for manifest in manifests for file in manifest["files"]),
        counters=_sum_counters(manifests),
        funnel=_merge_funnels(manifests),
        manifests=[manifest["file"] for manifest in manifests],
        notes=_notes(phase, manifests),
        inputs=inputs,
    )


def _notes(phase: PlannedPhase, manifests: list[Manifest]) -> dict[str, Any]:
    if phase.over == "once":
        return dict(manifests[0]["notes"])
    if phase.over != "inputs":
        return {}
    losses = noted_losses(manifests)
    sampled, repeated, share = repeated_ids(manifest["notes"].get(ID_SAMPLE, {}) for manifest in manifests)
    notes: dict[str, Any] = {ALARMS: losses} if losses else {}
    if repeated:
        estimate = {"documents": round(repeated / share), "share": repeated / sampled, "estimated": share < 1}
        notes[REPEATED_IDS] = estimate
    return notes


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
