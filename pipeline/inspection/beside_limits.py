"""One document's values beside the limits that stages hold them against, and the parts of its text that are meant."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dspipe.pipeline.stage import Span, Stage


@dataclass(frozen=True)
class Measured:
    """A value beside its limit."""

    column: str
    value: Any
    asks: str
    """in words: `at least 50`"""
    reason: str
    """with which a document is dropped that breaks the limit"""
    broken: bool


def values_beside_limits(stages: Sequence[Stage[Any]], columns: Mapping[str, Any]) -> Iterator[Measured]:
    """What each stage asks of a document with these columns, in the order of the stages; not of a document that a stage
    isn't for."""
    for stage in stages:
        is_for = all(_text(columns.get(name)) in values for name, values in stage.concerns.items())
        if is_for:
            for limit in stage.limits(columns):
                yield Measured(limit.column, columns.get(limit.column), limit.asks, limit.reason, limit.broken)


def spans_of(stages: Sequence[Stage[Any]], text: str, columns: Mapping[str, Any]) -> list[Span]:
    """What the stages mark in a document's text as the run has left it, in order, none within another. Positions that a
    stage knows of the text as it saw it are of no use where a later stage has rewritten it."""
    found: list[Span] = []
    for place, stage in enumerate(stages):
        if stage.rewrites and any(later.rewrites for later in stages[place + 1 :]):
            continue
        try:
            found += [span for span in stage.spans(text, columns) if 0 <= span.start <= span.end <= len(text)]
        except Exception:  # what it needs may be gone from here, such as a benchmark's file: the text is shown without
            continue
    found.sort(key=lambda span: (span.start, -span.end))
    apart: list[Span] = []
    for span in found:
        if not apart or span.start >= apart[-1].end:
            apart.append(span)
    return apart


def _text(value: Any) -> str | None:
    """A whole number as the config writes it."""
    return None if value is None else str(value)
