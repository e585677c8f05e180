"""The funnel as a flow: what came out of each stage, and what was dropped there for which reasons."""

from dataclasses import asdict, dataclass
from typing import Any

from dspipe.pipeline.funnel import Counts, Funnel
from dspipe.pipeline.run.run_file import RunFile

_REASONS = 3
"""of each stage that are a branch of their own; the others are one together"""


@dataclass(frozen=True)
class FlowStage:
    """One stage's part of the flow. Counts are documents, bytes, tokens."""

    stage: str
    kept: Counts
    dropped: Counts
    branches: list[tuple[str, Counts]]
    """reasons, the most documents first, the last one may stand for several"""


@dataclass(frozen=True)
class Flow:
    """The funnel as a flow."""

    read: Counts
    quarantined: int
    stages: list[FlowStage]
    tokens: str
    """of tokens: empty where none are counted, else what is estimated, in a sentence"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def flow_of(run: RunFile) -> Flow | None:
    """The flow of what is decided so far; None where nothing is."""
    funnel = run.funnel()
    if not funnel:
        return None
    counted = [entry for entry in funnel if entry.kept.tokens]
    rate = counted[0].entered.tokens / max(1, counted[0].entered.bytes) if counted else 0.0
    stages = [_stage(entry, rate) for entry in funnel]
    _, bad = run.read_counts()
    said = f"before they are counted, estimated at {1 / rate:.2f} bytes a token, as of what is kept" if rate else ""
    return Flow(_counted(funnel[0].entered, rate), bad, stages, said)


def _stage(entry: Funnel, rate: float) -> FlowStage:
    reasons = sorted(entry.dropped.items(), key=lambda item: (-item[1].documents, item[0]))
    branches = [(reason, _counted(counts, rate)) for reason, counts in reasons[:_REASONS]]
    if rest := reasons[_REASONS:]:
        total = Counts()
        for _, counts in rest:
            total = total.plus(counts)
        branches.append((f"{len(rest):,} other reasons" if len(rest) > 1 else rest[0][0], _counted(total, rate)))
    return FlowStage(entry.stage, _counted(entry.kept, rate), _counted(entry.all_dropped(), rate), branches)


def _counted(counts: Counts, rate: float) -> Counts:
    """With tokens estimated where they aren't counted."""
    return counts if counts.tokens else Counts(counts.documents, counts.bytes, round(counts.bytes * rate))
