"""Where documents go: documents, bytes and tokens into and out of a stage, and what was dropped for which reason."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Counts(NamedTuple):
    """How much of it: documents, their bytes of text, their tokens where they are known."""

    documents: int = 0
    bytes: int = 0
    tokens: int = 0

    def plus(self, more: "Counts") -> "Counts":
        """The sum."""
        return Counts(self.documents + more.documents, self.bytes + more.bytes, self.tokens + more.tokens)


NOTHING = Counts()
_MEASURES = ("documents", "text_bytes", "tokens")


@dataclass
class Funnel:
    """One stage's part of the funnel, over any number of rows."""

    stage: str
    entered: Counts = NOTHING
    kept: Counts = NOTHING
    dropped: dict[str, Counts] = field(default_factory=dict)
    """by reason"""
    domains: dict[str, Counts] = field(default_factory=dict)
    """what is kept, by domain"""
    dropped_by_domain: dict[str, dict[str, Counts]] = field(default_factory=dict)
    """by domain, then by reason"""
    rewritten: int = 0
    """bytes by which the texts of what is kept grew, or shrank (negative), since they came in"""

    def add(self, before: pa.RecordBatch, reason: pa.Array, text_bytes: pa.Array | None = None) -> int | None:
        """Count a batch: `before` has `reason` and, where known, `domain`, `text_bytes` and `tokens`; `reason` is the
        verdict after the stage, `text_bytes` (int64) the size of the texts after it, where it rewrites them. Returns
        the first row whose earlier verdict was changed, or None."""
        old = before.column("reason").cast(pa.string())
        new = reason.cast(pa.string())
        was_dropped = old.is_valid()
        changed = pc.and_(was_dropped, pc.invert(pc.fill_null(pc.equal(old, new), False)))
        if pc.any(changed).as_py():
            return int(pc.index(changed, True).as_py())
        measures = {"documents": pa.array(np.ones(len(new), np.int64))}
        for name in _MEASURES[1:]:
            known = name in before.schema.names
            measures[name] = pc.fill_null(before.column(name), 0) if known else pa.array(np.zeros(len(new), np.int64))
        table = pa.table({**measures, "reason": new})
        if "domain" in before.schema.names:
            table = table.append_column("domain", pc.fill_null(before.column("domain").cast(pa.string()), ""))
        entered = table.filter(pc.invert(was_dropped))
        kept = entered.filter(pc.is_null(entered.column("reason")))
        dropped = entered.filter(pc.is_valid(entered.column("reason")))
        if text_bytes is not None:
            size = text_bytes.filter(pc.and_(pc.invert(was_dropped), new.is_null()))
            self.rewritten += (pc.sum(size).as_py() or 0) - (pc.sum(kept.column("text_bytes")).as_py() or 0)
            kept = kept.set_column(kept.schema.get_field_index("text_bytes"), "text_bytes", size)
        self.entered, self.kept = self.entered.plus(_sum(entered)), self.kept.plus(_sum(kept))
        _add(self.dropped, {reason: counts for (reason,), counts in _sum_by(dropped, "reason").items()})
        if "domain" in table.schema.names:
            _add(self.domains, {domain: counts for (domain,), counts in _sum_by(kept, "domain").items()})
            for (domain, why), counts in _sum_by(dropped, "domain", "reason").items():
                _add(self.dropped_by_domain.setdefault(domain, {}), {why: counts})
        return None

    def merge(self, other: "Funnel") -> None:
        """Add another part of the same stage."""
        self.entered, self.kept = self.entered.plus(other.entered), self.kept.plus(other.kept)
        self.rewritten += other.rewritten
        _add(self.dropped, other.dropped)
        _add(self.domains, other.domains)
        for domain, dropped in other.dropped_by_domain.items():
            _add(self.dropped_by_domain.setdefault(domain, {}), dropped)

    def of_domains(self) -> "dict[str, Funnel]":
        """The stage's part for each domain; what entered has the bytes that the stage leaves of what it keeps."""
        parts = {}
        for domain in sorted(self.domains.keys() | self.dropped_by_domain.keys()):
            part = Funnel(self.stage, kept=self.domains.get(domain, NOTHING))
            part.dropped = self.dropped_by_domain.get(domain, {})
            part.entered = part.kept.plus(part.all_dropped())
            parts[domain] = part
        return parts

    def all_dropped(self) -> Counts:
        """What was dropped, for whatever reason."""
        total = NOTHING
        for counts in self.dropped.values():
            total = total.plus(counts)
        return total

    def balanced(self) -> bool:
        """Whether what went in came out or was dropped: documents, bytes (but those rewritten) and tokens."""
        return self.entered.plus(Counts(0, self.rewritten, 0)) == self.kept.plus(self.all_dropped())

    def as_json(self) -> dict[str, Any]:
        """JSON values, keys in order; counts are lists of documents, bytes and tokens."""
        return {
            "stage": self.stage,
            "entered": list(self.entered),
            "kept": list(self.kept),
            "dropped": {name: list(counts) for name, counts in sorted(self.dropped.items())},
            "domains": {name: list(counts) for name, counts in sorted(self.domains.items())},
            "dropped_by_domain": {
                domain: {name: list(counts) for name, counts in sorted(dropped.items())}
                for domain, dropped in sorted(self.dropped_by_domain.items())
            },
            "rewritten": self.rewritten,
        }

    @staticmethod
    def from_json(value: dict[str, Any]) -> "Funnel":
        """The reverse of `as_json`."""
        entered, kept = Counts(*value["entered"]), Counts(*value["kept"])
        dropped, domains = _counts(value["dropped"]), _counts(value["domains"])
        by_domain = {domain: _counts(dropped) for domain, dropped in value["dropped_by_domain"].items()}
        return Funnel(value["stage"], entered, kept, dropped, domains, by_domain, value["rewritten"])


def _counts(value: dict[str, Any]) -> dict[str, Counts]:
    return {name: Counts(*counts) for name, counts in value.items()}


def _add(target: dict[str, Counts], more: dict[str, Counts]) -> None:
    for name, counts in more.items():
        target[name] = target.get(name, NOTHING).plus(counts)


def _sum(table: pa.Table) -> Counts:
    return Counts(*(int(pc.sum(table.column(name)).as_py() or 0) for name in _MEASURES))


def _sum_by(table: pa.Table, *by: str) -> dict[tuple[str, ...], Counts]:
    if table.num_rows == 0:
        return {}
    grouped = table.group_by(list(by)).aggregate([(name, "sum") for name in _MEASURES])
    columns = [grouped.column(f"{name}_sum").to_pylist() for name in _MEASURES]
    keys = zip(*(grouped.column(name).to_pylist() for name in by), strict=True)
    return {key: Counts(*(int(value) for value in values)) for key, *values in zip(keys, *columns, strict=True)}
