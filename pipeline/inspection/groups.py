"""Documents by source, domain, language, dump or host: how many, how much of them, what was dropped.

One pass, bounded memory: of a column with more names than MOST_NAMES (hosts of a crawl) those with the most documents
so far are kept, and the result says that names were left out. What is left in is exact as long as none was; after that
a name may miss documents from before it was frequent.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.inspection.document_table import REASON

MOST_NAMES = 200_000
_MOST_TOLD = 50_000
_SUMS = ("documents", "bytes", "kept", "kept_bytes", "kept_tokens")
UNKNOWN = "(none)"
"""the name of documents that have none"""


@dataclass(frozen=True)
class Group:
    """The documents of one name."""

    name: str
    documents: int
    bytes: int
    kept: int
    kept_bytes: int
    kept_tokens: int
    """0 where they aren't counted"""

    @property
    def dropped(self) -> int:
        """Documents that were dropped."""
        return self.documents - self.kept


@dataclass(frozen=True)
class Grouping:
    """All documents by the names in one column."""

    by: str
    groups: Sequence[Group]
    """the largest first"""
    names: int
    """how many there are, those left out not counted"""
    cut: bool
    """whether names were left out"""

    def as_json(self, most: int = 200) -> dict[str, Any]:
        """JSON values, with the `most` largest groups."""
        return {"by": self.by, "names": self.names, "cut": self.cut, "groups": [asdict(g) for g in self.groups[:most]]}


class Groups:
    """Collects the groups of one column, or of what a function makes of it (the host of a URL)."""

    def __init__(
        self,
        by: str,
        available: Sequence[str],
        column: str = "",
        names_of: Callable[[pa.Array], pa.Array] | None = None,
    ) -> None:
        self.by, self._column, self._names_of = by, column or by, names_of
        optional = [name for name in (REASON, "text_bytes", "tokens") if name in available]
        self.columns = [self._column, *optional]
        self._optional, self._cut = set(optional), False
        self._sums: pa.Table | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Add up some documents."""
        names = batch.column(self._column)
        names = names.cast(pa.string()) if self._names_of is None else self._names_of(names)
        kept: pa.Array = pa.repeat(True, batch.num_rows)
        if REASON in self._optional:
            kept = batch.column(REASON).is_null()
        size, tokens = (self._amount(batch, name) for name in ("text_bytes", "tokens"))
        zero = pa.scalar(0, pa.int64())
        values = (
            pa.repeat(pa.scalar(1, pa.int64()), batch.num_rows),
            size,
            kept.cast(pa.int64()),
            pc.if_else(kept, size, zero),
            pc.if_else(kept, tokens, zero),
        )
        table = pa.table({"name": pc.fill_null(names, UNKNOWN), **dict(zip(_SUMS, values, strict=True))})
        added = _summed(table)
        self._sums = added if self._sums is None else _summed(pa.concat_tables([self._sums, added]))
        if self._sums.num_rows > 2 * MOST_NAMES:
            self._cut = True
            self._sums = self._sums.take(pc.select_k_unstable(self._sums, MOST_NAMES, [("documents", "descending")]))

    def found(self) -> Grouping:
        """The groups so far."""
        if self._sums is None:
            return Grouping(self.by, [], 0, False)
        ordered = self._sums.sort_by([("documents", "descending"), ("name", "ascending")])
        rows = ordered.select(["name", *_SUMS]).slice(0, _MOST_TOLD).to_pylist()
        return Grouping(self.by, [Group(**row) for row in rows], ordered.num_rows, self._cut)

    def _amount(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        if name not in self._optional:
            return pa.repeat(pa.scalar(0, pa.int64()), batch.num_rows)
        return pc.fill_null(batch.column(name).cast(pa.int64()), 0)


def _summed(table: pa.Table) -> pa.Table:
    sums = table.group_by("name").aggregate([(name, "sum") for name in _SUMS])
    return sums.rename_columns({f"{name}_sum": name for name in _SUMS})
