"""Why documents were dropped, each reason with a few of the documents."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from dspipe.pipeline.inspection.beside_limits import spans_of, values_beside_limits
from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.documents_at import documents_at
from dspipe.pipeline.inspection.early_kept import EarlyKept
from dspipe.pipeline.stage import Span, Stage

WITH_SAMPLES = 60
"""reasons of which texts are shown: those with the most documents"""
SHOWN = 500
"""reasons in the table"""
TEXT_CHARACTERS, _BEFORE = 600, 150


@dataclass(frozen=True)
class Part:
    """A part of a text, and what a stage says of it: empty where it says nothing."""

    text: str
    says: str


@dataclass(frozen=True)
class Sample:
    """A document that was dropped."""

    id: str
    url: str | None
    source: str
    domain: str | None
    language: str | None
    measured: list[str]
    """what was measured beside what was asked: `heuristics.words 12, at least 50`"""
    text: list[Part] | None
    """its beginning, or the part around the first thing that a stage marks; None where it isn't stored"""
    text_is: str
    """what the text is, where it isn't the document's own; empty otherwise"""
    characters: int


@dataclass(frozen=True)
class Reason:
    """Why documents were dropped."""

    name: str
    stage: str
    documents: int
    bytes: int
    of: int
    """documents that came into the stage"""
    samples: list[Sample] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def reasons_of(
    table: DocumentTable,
    drawn: Mapping[tuple[str | None, ...], Sequence[int]],
    stages: Sequence[Stage[Any]],
    early: EarlyKept,
) -> list[Reason]:
    """The reasons of the funnel, in its order, the most documents first within a stage. `drawn`: numbers of documents
    by reason; `early`: the texts of those that weren't stored. Raises DamagedFileError."""
    found = [
        Reason(name, entry.stage, counts.documents, counts.bytes, entry.entered.documents)
        for entry in table.run.funnel()
        for name, counts in sorted(entry.dropped.items(), key=lambda item: (-item[1].documents, item[0]))
    ]
    most = sorted(found, key=lambda reason: -reason.documents)
    numbers = {reason.name: list(drawn.get((reason.name,), ())) for reason in most[:WITH_SAMPLES]}
    names = [name for name, kind in table.columns.items() if not pa.types.is_fixed_size_binary(kind)]
    rows = documents_at(table, [number for group in numbers.values() for number in group], names)
    for reason in found:
        own = [rows[number] for number in numbers.get(reason.name, ()) if number in rows]
        reason.samples.extend(_sample(row, reason, stages, early) for row in own)
    return found


def _sample(row: Mapping[str, Any], reason: Reason, stages: Sequence[Stage[Any]], early: EarlyKept) -> Sample:
    own = [stage for stage in stages if stage.name == reason.stage]
    measured = []
    for one in values_beside_limits(own, row):
        if one.reason == reason.name and one.broken:
            value = f"{one.value:.4g}" if isinstance(one.value, float) else f"{one.value}"
            measured.append(f"{one.column} {value}, {one.asks}")
    text, text_is = row.get("text"), ""
    if text is None:
        text, text_is = early.text(row["origin"])
    return Sample(
        id=row["id"],
        url=row.get("url"),
        source=row.get("source") or "",
        domain=row.get("domain"),
        language=row.get("language"),
        measured=measured,
        text=None if text is None else _parts(text, spans_of(own, text, row)),
        text_is=text_is,
        characters=len(text or ""),
    )


def _parts(text: str, spans: Sequence[Span]) -> list[Part]:
    """TEXT_CHARACTERS of the text, from shortly before the first span where there is one; spans apart from the rest."""
    start = max(0, spans[0].start - _BEFORE) if spans and spans[0].end > TEXT_CHARACTERS else 0
    end = start + TEXT_CHARACTERS
    parts, at = [Part("… ", "")] if start else [], start
    for span in spans:
        if span.start >= end:
            break
        parts.append(Part(text[at : span.start], ""))
        at = min(span.end, end)
        parts.append(Part(text[span.start : at] or "⌿", span.what))
    return [part for part in (*parts, Part(text[at:end], "")) if part.text]
