"""Sums of pairs of records, by verdicts, domain and language, and a seeded few of each flow."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dspipe.pipeline.inspection.diff.difference import Measures
from dspipe.pipeline.inspection.diff.records import ABSENT, Codes, Records
from dspipe.pipeline.tasks.records import murmur_hash64

KEPT, GONE = -1, -2
"""numbers of verdicts beside those of reasons: kept, and not there"""
_TEXTS = (-3, -3)
"""the flow whose samples are documents with other texts"""
Cell = tuple[int, int, int, int]
"""verdict in a, verdict in b, domain, language"""
Flow = tuple[int, int]
Chosen = tuple[int, int | None, int | None]
"""(its chance, number in a, number in b)"""


@dataclass
class Tally:
    """Sums so far."""

    codes: Codes
    samples: int
    """of a flow"""
    seed: int
    cells: dict[Cell, Measures] = field(default_factory=dict)
    chosen: dict[Flow, list[Chosen]] = field(default_factory=dict)

    def add(self, a: Records, b: Records) -> None:
        """Pairs of records: the i-th of a and of b are of the same document, or one is absent."""
        if not len(a):
            return
        verdicts = [np.where(records["number"] == ABSENT, GONE, records["reason"]) for records in (a, b)]
        in_a = verdicts[0] != GONE
        groups = [np.where(in_a, a[name], b[name]) for name in ("domain", "language")]
        both = in_a & (verdicts[1] != GONE)
        hashed = (a["text"] != 0) & (b["text"] != 0)
        other_text = both & ((a["bytes"] != b["bytes"]) | (hashed & (a["text"] != b["text"])))
        self._add_sums([*verdicts, *groups], a, b, other_text)
        chance = murmur_hash64(np.where(in_a, a["key"], b["key"]) ^ np.uint64(self.seed))
        differ = np.flatnonzero(verdicts[0] != verdicts[1])
        self._choose(a, b, verdicts[0][differ], verdicts[1][differ], differ, chance)
        texts = np.flatnonzero(other_text)
        other, same = (np.full(len(texts), part, np.int32) for part in _TEXTS)
        self._choose(a, b, other, same, texts, chance)

    @property
    def other_texts(self) -> list[Chosen]:
        """A few documents with other texts."""
        return self.chosen.get(_TEXTS, [])

    def flows(self) -> dict[Flow, Measures]:
        """Sums by verdicts."""
        found: dict[Flow, Measures] = {}
        for (a, b, _, _), measures in self.cells.items():
            found[a, b] = found.get((a, b), Measures()).plus(measures)
        return found

    def _add_sums(
        self, keys: list[npt.NDArray[np.int32]], a: Records, b: Records, other_text: npt.NDArray[np.bool_]
    ) -> None:
        radix = [len(self.codes.reasons.names) + 3] * 2
        radix += [len(names.names) + 3 for names in (self.codes.domains, self.codes.languages)]
        together = np.zeros(len(a), np.int64)
        for key, size in zip(keys, radix, strict=True):
            together = together * size + (key.astype(np.int64) + 2)
        distinct, cell = np.unique(together, return_inverse=True)
        columns = [np.ones(len(a), np.int64)]
        columns += [records[name] for records in (a, b) for name in ("bytes", "tokens", "copies")]
        columns.append(other_text.astype(np.int64))
        order = np.argsort(cell, kind="stable")
        starts = np.searchsorted(cell[order], np.arange(len(distinct)))
        sums = [np.add.reduceat(column[order].astype(np.int64), starts).tolist() for column in columns]
        for number, code in enumerate(distinct.tolist()):
            parts = []
            for size in reversed(radix):
                code, part = divmod(code, size)
                parts.append(part - 2)
            cell_key: Cell = (parts[3], parts[2], parts[1], parts[0])
            more = Measures(*(column[number] for column in sums))
            self.cells[cell_key] = self.cells.get(cell_key, Measures()).plus(more)

    def _choose(
        self,
        a: Records,
        b: Records,
        verdict_a: npt.NDArray[np.int32],
        verdict_b: npt.NDArray[np.int32],
        rows: npt.NDArray[np.int64],
        chance: npt.NDArray[np.uint64],
    ) -> None:
        """Those with the lowest chance of each flow."""
        if not len(rows) or not self.samples:
            return
        order = np.lexsort((chance[rows], verdict_b, verdict_a))
        firsts = np.append(True, (np.diff(verdict_a[order]) != 0) | (np.diff(verdict_b[order]) != 0))
        starts = np.flatnonzero(firsts)
        for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
            few = order[start : min(end, start + self.samples)]
            flow = int(verdict_a[few[0]]), int(verdict_b[few[0]])
            found = [(int(chance[row]), _number(a, row), _number(b, row)) for row in rows[few].tolist()]
            self.chosen[flow] = sorted([*self.chosen.get(flow, []), *found], key=lambda one: one[0])[: self.samples]


def _number(records: Records, row: int) -> int | None:
    number = int(records["number"][row])
    return None if number == int(ABSENT) else number
