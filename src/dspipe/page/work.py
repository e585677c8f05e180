"""Time by stage, the slowest shards, and bad records by error."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dspipe.pipeline.inspection.shard_work import ShardWork
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.run.summary import QUARANTINED
from dspipe.pipeline.tasks.quarantine import READ

_SLOWEST, _ERRORS, _FILES = 15, 100, 3


@dataclass(frozen=True)
class PhaseWork:
    """What one phase cost."""

    name: str
    tasks: int
    seconds: float
    bytes_written: int
    mb_per_second: float | None
    """of the text that was read, by second of worker time; None of phases that aren't over shards"""


@dataclass(frozen=True)
class StageWork:
    """What one stage cost: its phases together."""

    name: str
    seconds: float
    share: float
    """of all worker time"""
    mb_per_second: float | None
    phases: list[PhaseWork]


@dataclass(frozen=True)
class BadRecords:
    """Bad records with one error."""

    error: str
    records: int
    sources: list[str]
    files: list[str]
    """a few, with the most of them first"""


@dataclass(frozen=True)
class Work:
    """The whole."""

    stages: list[StageWork]
    slowest: list[ShardWork]
    bad: list[BadRecords]
    more_errors: int

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def work_of(run: RunFile, text_bytes: int, shards: Sequence[ShardWork]) -> Work:
    """What a run of so many bytes of text has cost."""
    total = sum(phase.seconds for phase in run.phases) or 1.0
    stages: dict[str, list[PhaseWork]] = {}
    for phase in run.phases:
        pace = text_bytes / 1e6 / phase.seconds if phase.by_shard and phase.seconds else None
        part = PhaseWork(phase.name, phase.tasks, phase.seconds, phase.bytes_written, pace)
        stages.setdefault(phase.name.partition(".")[0], []).append(part)
    found = []
    for name, phases in stages.items():
        seconds = sum(phase.seconds for phase in phases)
        pace = text_bytes / 1e6 / seconds if seconds and text_bytes else None
        found.append(StageWork(name, seconds, seconds / total, pace, phases))
    bad = _bad(run)
    slowest = sorted((one for one in shards if one.bytes), key=lambda one: -one.seconds / one.bytes)
    return Work(sorted(found, key=lambda one: -one.seconds), slowest[:_SLOWEST], bad[:_ERRORS], len(bad[_ERRORS:]))


def _bad(run: RunFile) -> list[BadRecords]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for phase in run.phases:
        for group in phase.notes.get(QUARANTINED, []):
            error = group.get("error") or "(no error noted)"
            stage = group.get("stage", READ)
            groups.setdefault(error if stage == READ else f"stage {stage}: {error}", []).append(group)
    found = []
    for error, of_it in groups.items():
        of_it.sort(key=lambda group: -group["records"])
        sources = list(dict.fromkeys(str(group.get("source", "")) for group in of_it))[:10]
        files = [str(group.get("file") or group.get("place") or "") for group in of_it[:_FILES]]
        found.append(BadRecords(error, sum(group["records"] for group in of_it), sources, files))
    return sorted(found, key=lambda one: -one.records)
