"""Where documents go: documents, bytes and tokens into and out of a stage, and what was dropped for which reason."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Sums = list[int]  # documents, bytes of text, tokens


def _add(target: Sums, more: Sums) -> None:
    for index, value in enumerate(more):
        target[index] += value


@dataclass
class Funnel:
    """One stage's part of the funnel, over any number of rows."""

    stage: str
    into: Sums = field(default_factory=lambda: [0, 0, 0])
    out: Sums = field(default_factory=lambda: [0, 0, 0])
    dropped: dict[str, Sums] = field(default_factory=dict)
    domains: dict[str, Sums] = field(default_factory=dict)
    """what is kept, by domain"""

    def add(self, before: pa.RecordBatch, reason: pa.Array) -> int | None:
        """Count a batch: `before` has `reason` and, where known, `domain`, `text_bytes` and `tokens`; `reason` is the
        verdict after the stage. Returns the first row whose earlier verdict was changed, or None."""
        old = before.column("reason").cast(pa.string())
        new = reason.cast(pa.string())
        was_dropped = old.is_valid()
        changed = pc.and_(was_dropped, pc.invert(pc.fill_null(pc.equal(old, new), False)))
        if pc.any(changed).as_py():
            return int(pc.index(changed, True).as_py())
        measures = {"documents": pa.array(np.ones(len(new), np.int64))}
        for name in ("text_bytes", "tokens"):
            known = name in before.schema.names
            measures[name] = pc.fill_null(before.column(name), 0) if known else pa.array(np.zeros(len(new), np.int64))
        table = pa.table({**measures, "reason": new})
        if "domain" in before.schema.names:
            table = table.append_column("domain", pc.fill_null(before.column("domain").cast(pa.string()), ""))
        seen = table.filter(pc.invert(was_dropped))
        _add(self.into, _sums(seen))
        kept = seen.filter(pc.is_null(seen.column("reason")))
        _add(self.out, _sums(kept))
        for name, sums in _grouped(seen.filter(pc.is_valid(seen.column("reason"))), "reason"):
            _add(self.dropped.setdefault(name, [0, 0, 0]), sums)
        if "domain" in table.schema.names:
            for name, sums in _grouped(kept, "domain"):
                _add(self.domains.setdefault(name, [0, 0, 0]), sums)
        return None

    def merge(self, other: "Funnel") -> None:
        """Add another part of the same stage."""
        _add(self.into, other.into)
        _add(self.out, other.out)
        for mine, theirs in ((self.dropped, other.dropped), (self.domains, other.domains)):
            for name, sums in theirs.items():
                _add(mine.setdefault(name, [0, 0, 0]), sums)

    def dropped_documents(self) -> int:
        """Documents dropped, for whatever reason."""
        return sum(sums[0] for sums in self.dropped.values())

    def balanced(self) -> bool:
        """Whether what went in came out or was dropped: documents, bytes and tokens."""
        return all(
            self.into[i] == self.out[i] + sum(sums[i] for sums in self.dropped.values()) for i in range(len(self.into))
        )

    def as_json(self) -> dict[str, Any]:
        """JSON values, keys in order."""
        return {
            "stage": self.stage,
            "into": self.into,
            "out": self.out,
            "dropped": dict(sorted(self.dropped.items())),
            "domains": dict(sorted(self.domains.items())),
        }

    @staticmethod
    def from_json(value: dict[str, Any]) -> "Funnel":
        """The reverse of `as_json`."""
        return Funnel(value["stage"], value["into"], value["out"], value["dropped"], value["domains"])


def _sums(table: pa.Table) -> Sums:
    return [int(pc.sum(table.column(name)).as_py() or 0) for name in ("documents", "text_bytes", "tokens")]


def _grouped(table: pa.Table, by: str) -> list[tuple[str, Sums]]:
    if table.num_rows == 0:
        return []
    names = ("documents", "text_bytes", "tokens")
    grouped = table.group_by(by).aggregate([(name, "sum") for name in names])
    columns = [grouped.column(f"{name}_sum").to_pylist() for name in names]
    return [
        (key, [int(value) for value in sums])
        for key, *sums in zip(grouped.column(by).to_pylist(), *columns, strict=True)
    ]
