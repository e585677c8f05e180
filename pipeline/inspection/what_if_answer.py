"""What an edit would change in a run, in numbers and samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dspipe.pipeline.funnel import Counts
from dspipe.pipeline.inspection.edited_stages import Change
from dspipe.pipeline.inspection.rejudge import StageVerdicts


@dataclass(frozen=True)
class Flow:
    """Documents whose verdict changes in the same way. A reason is None where they are kept."""

    reason_before: str | None
    stage_before: str | None
    reason_after: str | None
    stage_after: str | None
    counts: Counts
    unsure: int
    """of these documents, the verdict is a guess"""

    def as_json(self) -> dict[str, Any]:
        """JSON values; counts are lists of documents, bytes and tokens."""
        return {**vars(self), "counts": list(self.counts)}


@dataclass(frozen=True)
class GroupChange:
    """What changes for the documents of one domain and language; None where they have none."""

    domain: str | None
    language: str | None
    newly_kept: Counts
    newly_dropped: Counts
    other_reason: int
    """documents that are dropped both times, for another reason"""

    def as_json(self) -> dict[str, Any]:
        """JSON values; counts are lists of documents, bytes and tokens."""
        return {**vars(self), "newly_kept": list(self.newly_kept), "newly_dropped": list(self.newly_dropped)}


@dataclass(frozen=True)
class Held:
    """A document's value of a column, and what is asked of it before and after: None where nothing is."""

    column: str
    value: Any
    reason: str
    asks_before: str | None
    asks_after: str | None

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Sample:
    """A document whose verdict changes."""

    id: str
    url: str | None
    domain: str | None
    language: str | None
    shard: int
    row: int
    """in its shard"""
    reason_before: str | None
    reason_after: str | None
    unsure: bool
    held: tuple[Held, ...]
    """what decided"""
    text: str
    """its first characters; empty where neither the text is stored nor what was kept of a document dropped early"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**vars(self), "held": [held.as_json() for held in self.held]}


@dataclass(frozen=True)
class Answer:
    """What `WhatIf.ask` answers. Counts are documents, bytes and tokens."""

    edits: tuple[str, ...]
    changes: tuple[Change, ...]
    """the settings that the edits change; empty where they say what the config says"""
    documents: int
    """of the run"""
    kept_before: Counts
    kept_after: Counts
    """the likeliest"""
    kept_least: Counts
    kept_most: Counts
    """the bounds: equal where nothing is a guess"""
    changed: Counts
    """documents whose verdict is another one"""
    unsure: int
    """documents that may have another verdict"""
    tokens_estimated: int
    """newly kept documents whose tokens are an estimate by their bytes, domain and language"""
    flows: tuple[Flow, ...]
    groups: tuple[GroupChange, ...]
    stages: tuple[StageVerdicts, ...]
    """from the first that is edited on"""
    samples: tuple[Sample, ...]
    remarks: tuple[str, ...]
    """what isn't exact, and why"""
    seconds: float

    @property
    def exact(self) -> bool:
        """Whether no verdict is a guess."""
        return not self.unsure and not self.remarks

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        parts: dict[str, Sequence[Any]] = {
            name: getattr(self, name) for name in ("changes", "flows", "groups", "stages", "samples")
        }
        counts = {name: list(value) for name, value in vars(self).items() if isinstance(value, Counts)}
        lists = {name: [part.as_json() for part in value] for name, value in parts.items()}
        plain = {"edits": list(self.edits), "remarks": list(self.remarks), "exact": self.exact}
        return {**vars(self), **counts, **lists, **plain}
