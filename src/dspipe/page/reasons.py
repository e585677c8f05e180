"""Why documents were dropped, each reason with a few of the documents."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.documents_at import documents_at
from dspipe.pipeline.stage import Stage

WITH_SAMPLES = 60
"""reasons of which texts are shown: those with the most documents"""
SHOWN = 500
"""reasons in the table"""
TEXT_CHARACTERS = 600


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
    text: str | None
    """its beginning; None where it isn't stored"""
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
    table: DocumentTable, drawn: Mapping[tuple[str | None, ...], Sequence[int]], stages: Sequence[Stage[Any]]
) -> list[Reason]:
    """The reasons of the funnel, in its order, the most documents first within a stage. `drawn`: numbers of documents
    by reason. Raises DamagedFileError."""
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
        reason.samples.extend(_sample(row, reason, stages) for row in own)
    return found


def _sample(row: Mapping[str, Any], reason: Reason, stages: Sequence[Stage[Any]]) -> Sample:
    measured = []
    for stage in stages:
        for limit in stage.limits(row) if stage.name == reason.stage else ():
            if limit.reason == reason.name and limit.broken:
                value = row.get(limit.column)
                shown = f"{value:.4g}" if isinstance(value, float) else f"{value}"
                measured.append(f"{limit.column} {shown}, {limit.asks}")
    text = row.get("text")
    return Sample(
        id=row["id"],
        url=row.get("url"),
        source=row.get("source") or "",
        domain=row.get("domain"),
        language=row.get("language"),
        measured=measured,
        text=text[:TEXT_CHARACTERS] if text else None,
        characters=len(text or ""),
    )
