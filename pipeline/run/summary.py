"""What is known of a phase when it has ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.tasks.losses import noted_losses
from dspipe.pipeline.tasks.origins import ID_SAMPLE, repeated_ids
from dspipe.pipeline.tasks.quarantine import quarantined_groups
from dspipe.pipeline.tasks.spec import Manifest

REPEATED_IDS = "repeated ids"
"""the note of the text pass that says how many documents have an id that another one has, too"""
ALARMS = "alarms"
"""the note of a stage or of a phase over shards that should be seen first"""
TRAINING_DATA = "training data"
"""the note of a stage that says how the documents which are kept became what it has written: the end of the funnel"""
QUARANTINED = "quarantined"
"""the note of a phase over shards that says which records were bad (`pipeline.tasks.quarantine`)"""
_ALARMING, _FEW = 0.5, 5
"""a rule by which a document is judged by itself drops a larger share of a domain, and at least so many documents"""


@dataclass
class SourcePart:
    """A source's part of a phase over shards."""

    counters: dict[str, int] = field(default_factory=dict)
    """`read` and `quarantined`, where the phase counts them"""
    funnel: list[Funnel] = field(default_factory=list)
    """without domains"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"counters": self.counters, "funnel": [entry.as_json() for entry in self.funnel]}

    @staticmethod
    def from_json(value: dict[str, Any]) -> "SourcePart":
        """The reverse of `as_json`."""
        return SourcePart(value["counters"], [Funnel.from_json(entry) for entry in value["funnel"]])


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
    """their names, in the order of the tasks; not in `run.json`, but in the file `names`"""
    notes: dict[str, Any]
    """of phases that are one task, and what of a phase over shards should be seen"""
    inputs: str | None
    sources: dict[str, SourcePart] = field(default_factory=dict)
    """of a phase over shards that reads or judges, by source"""
    cpu_seconds: float = 0.0
    """of workers, summed as `seconds`; of the driver too, where the engine is inline"""
    peak_bytes: int = 0
    """the most memory that a worker had during a task; that of compiling kernels isn't counted"""
    cpu_by_stage: dict[str, float] = field(default_factory=dict)
    """of the text pass: CPU seconds of its stages, by their keys in the config, and of reading and writing"""
    names: str = ""
    """the file that names the manifests and artifacts (`pipeline.plan.phase_record`)"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        values = {name: value for name, value in vars(self).items() if name != "manifests"}
        sources = {name: part.as_json() for name, part in self.sources.items()}
        return {**values, "funnel": [entry.as_json() for entry in self.funnel], "sources": sources}

    @staticmethod
    def from_json(value: dict[str, Any], manifests: list[str]) -> "PhaseSummary":
        """The reverse of `as_json`, with what isn't in it."""
        sources = {name: SourcePart.from_json(part) for name, part in value["sources"].items()}
        funnel = [Funnel.from_json(entry) for entry in value["funnel"]]
        return PhaseSummary(**{**value, "funnel": funnel, "sources": sources, "manifests": manifests})

    @property
    def by_shard(self) -> bool:
        """Whether manifest i is of shard i."""
        return self.over in ("inputs", "shards")


def summarize(
    phase: PlannedPhase, manifests: list[Manifest], reused: int, inputs: str | None, sources: Sequence[str] = ()
) -> PhaseSummary:
    """Sum up a phase from the manifests of its tasks, in their order. `inputs`: the file that lists what they share;
    `sources`: that of each task over shards."""
    funnel = _merge_funnels(manifests)
    return PhaseSummary(
        name=phase.name,
        over=phase.over,
        stages=list(phase.stages),
        tasks=len(manifests),
        reused=reused,
        seconds=round(sum(manifest["seconds"] for manifest in manifests), 3),
        # tasks that an earlier version has run don't say these
        cpu_seconds=round(sum(manifest.get("cpu_seconds", 0.0) for manifest in manifests), 3),
        peak_bytes=max((manifest.get("peak_bytes", 0) for manifest in manifests), default=0),
        bytes_written=sum(file["bytes"] for manifest in manifests for file in manifest["files"]),
        counters=_sum_counters(manifests),
        funnel=funnel,
        manifests=[manifest["file"] for manifest in manifests],
        notes=_notes(phase, manifests, funnel, sources),
        cpu_by_stage=_sums([manifest.get("cpu_by_stage", {}) for manifest in manifests]),
        inputs=inputs,
        sources=_by_source(manifests, sources),
    )


def _notes(
    phase: PlannedPhase, manifests: list[Manifest], funnel: list[Funnel], sources: Sequence[str]
) -> dict[str, Any]:
    if phase.over == "once":
        return dict(manifests[0]["notes"])
    notes: dict[str, Any] = {}
    if sources and (groups := quarantined_groups(manifests, sources)):
        notes[QUARANTINED] = groups
    if phase.judges and (alarms := _alarming_drops(funnel)):
        notes[ALARMS] = alarms
    if phase.over != "inputs":
        return notes
    if losses := noted_losses(manifests):
        notes[ALARMS] = losses
    sampled, repeated, share = repeated_ids(manifest["notes"].get(ID_SAMPLE, {}) for manifest in manifests)
    if repeated:
        estimate = {"documents": round(repeated / share), "share": repeated / sampled, "estimated": share < 1}
        notes[REPEATED_IDS] = estimate
    return notes


def _alarming_drops(funnel: list[Funnel]) -> list[dict[str, Any]]:
    """The rules that drop most of a domain: those that come to it, of the stages before it."""
    return [
        {"domain": domain, "rule": reason, "documents": n, "of": whole, "share": n / whole}
        for entry in funnel
        for domain, part in entry.of_domains().items()
        for whole in [part.entered.documents]
        for reason, (n, _, _) in part.dropped.items()
        if n >= _FEW and n > _ALARMING * whole
    ]


def _by_source(manifests: list[Manifest], sources: Sequence[str]) -> dict[str, SourcePart]:
    parts: dict[str, list[Manifest]] = {}
    for manifest, source in zip(manifests, sources, strict=bool(sources)):
        if manifest["funnel"] or "read" in manifest["counters"]:
            parts.setdefault(source, []).append(manifest)
    found = {}
    for source, of_it in parts.items():
        counters = {name: n for name, n in _sum_counters(of_it).items() if name in ("read", "quarantined")}
        funnel = [
            Funnel(entry.stage, entry.entered, entry.kept, entry.dropped, rewritten=entry.rewritten)
            for entry in _merge_funnels(of_it)
        ]
        found[source] = SourcePart(counters, funnel)
    return found


def _sum_counters(manifests: list[Manifest]) -> dict[str, int]:
    total: dict[str, int] = {}
    for manifest in manifests:
        for key, n in manifest["counters"].items():
            total[key] = total.get(key, 0) + n
    return dict(sorted(total.items()))


def _sums(parts: list[dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = round(total.get(name, 0.0) + value, 4)
    return total


def _merge_funnels(manifests: list[Manifest]) -> list[Funnel]:
    merged: dict[str, Funnel] = {}
    for manifest in manifests:
        for value in manifest["funnel"]:
            merged.setdefault(value["stage"], Funnel(value["stage"])).merge(Funnel.from_json(value))
    return list(merged.values())
