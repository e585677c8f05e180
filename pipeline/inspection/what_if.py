"""What an edit of the config would change in a run: from stored columns, without running anything.

    what_if = WhatIf(DocumentTable.open(root))
    answer = what_if.ask(["stages.heuristics.gopher.min_words=30"])

`WhatIf` holds what answers have in common (some 30 bytes a document, and columns as far as they fit), so that one
threshold can be moved again and again.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dspipe.pipeline.funnel import Counts
from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.early_kept import EarlyKept
from dspipe.pipeline.inspection.edited_stages import EditedStages, RunSettings
from dspipe.pipeline.inspection.loaded_documents import Bools, Codes, LoadedDocuments
from dspipe.pipeline.inspection.rejudge import Rejudging, Verdicts
from dspipe.pipeline.inspection.what_if_answer import Answer, Flow, GroupChange, Held, Sample
from dspipe.pipeline.stage import Limit, Stage
from dspipe.pipeline.tasks.records import murmur_hash64

COLUMNS_BYTES = 1 << 30
SHOWN_CHARACTERS = 300
_SHOWN = ("id", "url", "domain", "language", "text")
_KEPT = -1


class WhatIf:
    """Answers what edits would change in one run. Loads what it needs when it is first asked; one question at a time,
    others wait."""

    def __init__(self, table: DocumentTable, import_own: bool = False, memory: int = COLUMNS_BYTES) -> None:
        """import_own: import the stages' modules of the run's own that its config names. memory: bytes for columns that
        are kept from question to question. Raises InvalidConfigError where the run's config isn't whole."""
        self._table, self._memory = table, memory
        self._settings = RunSettings.read(table.store, import_own)
        self._lock = threading.Lock()

    def ask(self, edits: Sequence[str], samples: int = 5, seed: int = 0) -> Answer:
        """What `--set` edits would change, with so many samples of documents that come in, and that drop out.

        Raises InvalidConfigError with every mistake in the edits; NeedsRunError for an edit whose effect columns can't
        tell; DamagedFileError.
        """
        start = time.perf_counter()
        edited = self._settings.edited(edits, self._table.columns)
        with self._lock:
            verdicts = self._rejudging.ask(edited)
            return _Summary(self._rejudging, edited, verdicts).answer(tuple(edits), samples, seed, start)

    def verdicts(self, edits: Sequence[str]) -> Verdicts:
        """What would become of each document. Raises as `ask`."""
        edited = self._settings.edited(edits, self._table.columns)
        with self._lock:
            return self._rejudging.ask(edited)

    @cached_property
    def _rejudging(self) -> Rejudging:
        return Rejudging(
            LoadedDocuments(self._table, self._memory), self._settings.edited((), self._table.columns).stages
        )


class _Summary:
    """An answer in the making."""

    def __init__(self, rejudging: Rejudging, edited: EditedStages, verdicts: Verdicts) -> None:
        self._documents, self._edited, self._verdicts = rejudging.documents, edited, verdicts
        self._tokens, self._guessed = rejudging.tokens
        self._early_texts = EarlyKept(rejudging.documents.table)
        self._before, self._after = rejudging.documents.reason, verdicts.codes
        self._differ: npt.NDArray[np.int64] = np.flatnonzero(self._before != self._after)

    def answer(self, edits: tuple[str, ...], samples: int, seed: int, start: float) -> Answer:
        verdicts, documents = self._verdicts, self._documents
        kept = verdicts.codes == _KEPT
        run = documents.table.run
        remarks = [remark for stage in verdicts.stages for remark in stage.remarks]
        if not run.finished:
            remarks.append("the run isn't finished: what stages to come would decide isn't considered")
        new = self._differ[self._after[self._differ] == _KEPT]
        return Answer(
            edits=edits,
            changes=self._edited.changes,
            documents=documents.rows,
            kept_before=self._count(self._before == _KEPT),
            kept_after=self._count(kept),
            kept_least=self._count(kept & ~verdicts.unsure),
            kept_most=self._count(kept | verdicts.open),
            changed=self._count(self._differ),
            unsure=int(np.count_nonzero(verdicts.unsure)),
            tokens_estimated=int(np.count_nonzero(self._guessed[new])) if (documents.tokens >= 0).any() else 0,
            flows=tuple(self._flows()),
            groups=tuple(self._groups()),
            stages=tuple(verdicts.stages),
            samples=tuple(self._samples(samples, seed)),
            remarks=tuple(dict.fromkeys(remarks)),
            seconds=round(time.perf_counter() - start, 3),
        )

    def _count(self, chosen: "Bools | npt.NDArray[np.int64]") -> Counts:
        documents = np.count_nonzero(chosen) if chosen.dtype == bool else len(chosen)
        return Counts(int(documents), int(self._documents.text_bytes[chosen].sum()), int(self._tokens[chosen].sum()))

    def _flows(self) -> Iterator[Flow]:
        """The largest first."""
        pairs = np.stack([self._before[self._differ], self._after[self._differ]])
        for (before, after), rows in _groups_of(pairs, self._differ):
            reasons = [self._reason(code) for code in (before, after)]
            stages = [self._stage(code) for code in (before, after)]
            unsure = int(np.count_nonzero(self._verdicts.unsure[rows]))
            yield Flow(reasons[0], stages[0], reasons[1], stages[1], self._count(rows), unsure)

    def _groups(self) -> Iterator[GroupChange]:
        """By domain and language, those with the most documents first."""
        documents, rows = self._documents, self._differ
        pairs = np.stack([documents.domain[rows], documents.language[rows]])
        for (domain, language), members in _groups_of(pairs, rows):
            come = members[self._after[members] == _KEPT]
            gone = members[self._before[members] == _KEPT]
            yield GroupChange(
                documents.domains.names[domain] if domain >= 0 else None,
                documents.languages.names[language] if language >= 0 else None,
                self._count(come),
                self._count(gone),
                len(members) - len(come) - len(gone),
            )

    def _samples(self, wanted: int, seed: int) -> Iterator[Sample]:
        """So many of those that come in, and of those that drop out."""
        before, after = self._before[self._differ], self._after[self._differ]
        for direction in (after == _KEPT, before == _KEPT):
            rows = self._differ[direction]
            chance = murmur_hash64(self._documents.numbers[rows] + np.uint64(seed + 1))
            for row in rows[np.argsort(chance, kind="stable")[:wanted]].tolist():
                yield self._sample(row)

    def _sample(self, row: int) -> Sample:
        table = self._documents.table
        shard, place = self._documents.place(row)
        before, after = (self._reason(codes[row]) for codes in (self._before, self._after))
        stages = {self._stage(codes[row]) for codes in (self._before, self._after)}
        columns = [name for name, kind in table.columns.items() if not name.endswith((".signature", ".hash"))]
        found = table.read_row(shard, place, [name for name in columns if name not in ("stage", "number")])
        held = [
            one
            for stage in self._edited.stages
            if stage.name in stages and stage.before is not None and stage.after is not None
            for one in _held(stage.before, stage.after, found, {before, after})
        ]
        id, url, domain, language, text = (found.get(name) for name in _SHOWN)
        if text is None:
            text, _ = self._early_texts.text(found["origin"])
        begins = (text or "")[:SHOWN_CHARACTERS]
        unsure = bool(self._verdicts.unsure[row])
        return Sample(str(id), url, domain, language, shard, place, before, after, unsure, tuple(held), begins)

    def _reason(self, code: int) -> str | None:
        return None if code == _KEPT else self._verdicts.names.names[code]

    def _stage(self, code: int) -> str | None:
        return None if code == _KEPT else self._verdicts.stage_of.get(int(code))


def _held(before: Stage[Any], after: Stage[Any], columns: dict[str, Any], reasons: set[str | None]) -> Iterator[Held]:
    """What the stage held the document against that decided, before and after."""
    asked: dict[tuple[str, str], dict[bool, Limit]] = {}
    for which, stage in ((False, before), (True, after)):
        for limit in stage.limits(columns):
            asked.setdefault((limit.column, limit.reason), {})[which] = limit
    for (column, reason), limits in asked.items():
        if reason in reasons:
            old, new = limits.get(False), limits.get(True)
            yield Held(column, columns.get(column), reason, old.asks if old else None, new.asks if new else None)


def _groups_of(pairs: Codes, rows: npt.NDArray[np.int64]) -> Iterator[tuple[tuple[int, int], npt.NDArray[np.int64]]]:
    """(the two numbers, the rows that have them), the most rows first. pairs: int32[2, rows]."""
    if not len(rows):
        return
    radix = int(pairs[1].max()) + 2
    distinct, group = np.unique((pairs[0].astype(np.int64) + 1) * radix + (pairs[1] + 1), return_inverse=True)
    # numpy sorts 16 bits by counting
    order = np.argsort(group.astype(np.uint16) if len(distinct) <= 1 << 16 else group, kind="stable")
    sizes = np.bincount(group)
    ends = np.cumsum(sizes)
    for number in np.argsort(-sizes, kind="stable").tolist():
        first, second = divmod(int(distinct[number]), radix)
        yield (first - 1, second - 1), rows[order[ends[number] - sizes[number] : ends[number]]]
