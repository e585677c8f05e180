"""Verdicts of edited stages on the documents of a run, from stored columns, in the order in which they were given.

A document that an earlier stage had dropped and that passes now has what later stages measured as well, since the text
pass measures all, so map stages are exact. It lacks that behind a stage that dropped it `early`, and where a later text
pass measured kept documents alone. Then the verdict is a guess (`unsure`), and so is what rests on guesses.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.inspection.edited_stages import ConfiguredStage, EditedStages
from dspipe.pipeline.inspection.loaded_documents import Bools, Codes, Int64, LoadedDocuments, Names, UInt64
from dspipe.pipeline.inspection.measured_where import MeasuredWhere
from dspipe.pipeline.rejudging import NeedsRunError
from dspipe.pipeline.stage import GlobalStage, MapStage

_QUARANTINED = "quarantined."
_KEPT = -1
_Chunk = tuple[int, pa.RecordBatch]
_Judged = tuple[int, Bools, pa.Array]


@dataclass
class StageVerdicts:
    """What becomes of documents at a stage, before an edit and after it."""

    name: str
    changed: bool
    """whether the edit is of its settings"""
    entered: tuple[int, int]
    """documents that come to it, before and after"""
    dropped: tuple[int, int]
    unsure: int = 0
    """of those that come after the edit, whose verdict here is a guess"""
    remarks: Sequence[str] = ()
    """what isn't exact, and why"""
    tables: dict[str, Any] = field(default_factory=dict)
    """what the stage works out beside, such as a mixture, by name"""

    @property
    def exact(self) -> bool:
        """Whether nothing of it is a guess."""
        return not self.unsure and not self.remarks

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        pairs = {"entered": list(self.entered), "dropped": list(self.dropped), "remarks": list(self.remarks)}
        return {**vars(self), **pairs, "exact": self.exact}


@dataclass
class Verdicts:
    """What becomes of each of the n documents of a run."""

    codes: Codes
    """int32[n]: its reason's number among `names`, -1 where it is kept"""
    unsure: Bools
    """bool[n]: it may be another one; `codes` has the likeliest"""
    open: Bools
    """bool[n]: of these, which may be kept or dropped; the others are dropped, but perhaps for another reason"""
    names: Names
    stage_of: dict[int, str]
    """the stage that drops with a reason, by its number"""
    stages: list[StageVerdicts]
    """from the first that is edited on"""


class Rejudging:
    """Judges the documents of a run again. What doesn't depend on edits is worked out once."""

    def __init__(self, documents: LoadedDocuments, stages: Sequence[ConfiguredStage]) -> None:
        self.documents, self.stages, self.names = documents, stages, documents.reasons
        self._measured = MeasuredWhere(documents.table, stages)
        self._order = _verdict_order(documents, stages)
        self._stage_of = {self.names.code(why): stage for why, stage in documents.table.stage_of_reason.items()}
        at = {stages[place].name: number for number, place in enumerate(self._order)}
        places = [at.get(_stage_that_drops(name, documents), -1) for name in self.names.names]
        self.position: Codes = np.array([*places, len(self._order)], np.int32)[documents.reason]
        """int32[n]: the place in the order of verdicts of the stage that dropped each document; behind all: kept"""
        failed = np.array([*(name.startswith(_QUARANTINED) for name in self.names.names), False])
        self._failed: Bools = failed[documents.reason]
        self._known: dict[str, Codes] = {}

    def ask(self, edited: EditedStages) -> Verdicts:
        """What becomes of the documents after the edits. Raises NeedsRunError, DamagedFileError."""
        undecided = [
            stage.name for place, stage in enumerate(edited.stages) if stage.changed and place not in self._order
        ]
        if undecided:
            raise NeedsRunError(
                f"the run hasn't come to {', '.join(undecided)} yet: there are no verdicts to compare with"
            )
        codes, unsure, open_ = self.documents.reason.copy(), *np.zeros((2, self.documents.rows), bool)
        first = next((at for at, place in enumerate(self._order) if edited.stages[place].changed), len(self._order))
        found = []
        alive = self.position >= first
        codes[alive] = _KEPT
        for at in range(first, len(self._order)):
            part = _Part(self, edited, at, alive, open_, codes)
            part.judge()
            codes[alive] = part.codes[alive]
            unsure |= part.guessed
            # what came as a guess and is surely dropped here is dropped either way, for one reason or another
            open_ = (open_ | part.guessed) & ~(alive & (codes != _KEPT) & ~part.guessed)
            found.append(part.summary())
            alive &= codes == _KEPT
        return Verdicts(codes, unsure, open_, self.names, self._stage_of, found)

    @cached_property
    def tokens(self) -> tuple[Int64, Bools]:
        """(tokens of each document, where they are an estimate): by the bytes of the documents of the same domain and
        language that the tokenizer has seen, else of the same domain, else of all; 0 where it has seen none."""
        documents = self.documents
        known = documents.tokens >= 0
        tokens = np.where(known, documents.tokens, 0)
        both = documents.domain.astype(np.int64) * (len(documents.languages.names) + 1) + documents.language
        left = ~known
        for groups in (both, documents.domain, np.zeros(len(known), np.int64)) if known.any() else ():
            names, group = np.unique(groups, return_inverse=True)
            sums = [np.bincount(group[known], values[known], len(names)) for values in (tokens, documents.text_bytes)]
            rate = np.divide(sums[0], sums[1], out=np.full(len(names), np.nan), where=sums[1] > 0)
            rows = np.flatnonzero(left)
            guess = rate[group[rows]] * documents.text_bytes[rows]
            rows, guess = rows[~np.isnan(guess)], guess[~np.isnan(guess)]
            tokens[rows] = np.round(guess).astype(np.int64)
            left[rows] = False
        return tokens, ~known

    def lacks(self, columns: Sequence[str], at: int) -> Bools:
        """bool[n]: of which documents that were dropped before the stage at this place of the order it has no values
        of one of the columns."""
        behind = [self._measured.lacking_behind(columns, place) for place in self._order[:at]]
        lacking: Bools = np.array([*behind, *[False] * (len(self._order) + 1 - at)])[self.position]
        return lacking

    def code(self, reason: str, stage: str) -> int:
        """The number of a reason that the stage gives."""
        number = self.names.code(reason)
        self._stage_of.setdefault(number, stage)
        return number

    def verdicts_before(self, stage: MapStage[Any], at: int) -> Codes:
        """What a stage says, as it was in the run, of all documents that never came to it (int32[n])."""
        if stage.name not in self._known:
            self._known[stage.name] = self.verdicts(stage, self.position < at)
        return self._known[stage.name]

    def verdicts(self, stage: MapStage[Any], wanted: Bools) -> Codes:
        """The reasons of a stage for the wanted documents (int32[n])."""
        columns = list(dict.fromkeys([*stage.judge_columns(), *stage.concerns]))
        codes = np.full(len(wanted), _KEPT, np.int32)

        def judge(chunk: _Chunk) -> _Judged:
            first, batch = chunk
            chosen = wanted[first : first + batch.num_rows]
            if not chosen.all():
                batch = batch.filter(pa.array(chosen))
            try:
                reasons = stage.verdicts(batch)
            except Exception as error:
                raise NeedsRunError(f"{stage.name} fails on a document with these settings: {error}") from error
            return first, chosen, pc.dictionary_encode(reasons)

        for first, chosen, reasons in _in_threads(judge, self.documents.read(columns)):
            for reason in reasons.dictionary.to_pylist():
                self.code(reason, stage.name)
            codes[first : first + len(chosen)][chosen] = self.names.codes(reasons)
        return codes

    def found_by_decisions(self, columns: Sequence[str]) -> list[str]:
        """Those of the columns that were found by looking at other documents."""
        return self._measured.decided(columns)

    def failed_at(self, at: int) -> Bools:
        """bool[n]: which documents made the stage at this place fail, and would again."""
        failed: Bools = self._failed & (self.position == at)
        return failed


class _Part:
    """One stage's part in judging again: what comes to it, and what it says of that."""

    def __init__(
        self, rejudging: Rejudging, edited: EditedStages, at: int, alive: Bools, unsure: Bools, before: Codes
    ) -> None:
        """before: int32[n], why the documents that don't come were dropped"""
        self._rejudging, self._at, self._before = rejudging, at, before
        self._stage = edited.stages[rejudging._order[at]]
        self._names = tuple(stage.name for stage in edited.stages)
        self._learned_tokens = any(isinstance(one.after, GlobalStage) and one.after.learns for one in edited.stages)
        self._alive, self._unsure = alive, unsure
        self._entered: Bools = rejudging.position >= at
        self._here: Bools = rejudging.position == at
        documents = rejudging.documents
        self.codes: Codes = np.full(documents.rows, _KEPT, np.int32)
        """int32[n]: of documents that come to the stage"""
        self.guessed: Bools = np.zeros(documents.rows, bool)
        """bool[n]: where the verdict is a guess"""
        self._remarks: list[str] = []
        self._tables: dict[str, Any] = {}

    def judge(self) -> None:
        """Find the verdicts. Raises NeedsRunError, DamagedFileError."""
        stage = self._stage
        if not stage.changed and self._comes_as_before() and not self._unsure.any():
            self._as_before()
        elif isinstance(stage.after, MapStage):
            self._judge_rows(stage.after)
        elif isinstance(stage.after, GlobalStage):
            self._judge_all(stage.after)
        else:
            self._take_over(f"{stage.name} is a module of the run's own, which isn't imported")

    def summary(self) -> StageVerdicts:
        """Numbers and remarks."""
        return StageVerdicts(
            self._stage.name,
            self._stage.changed,
            (int(self._entered.sum()), int(self._alive.sum())),
            (int(self._here.sum()), int((self._alive & (self.codes != _KEPT)).sum())),
            int(self.guessed.sum()),
            self._remarks,
            self._tables,
        )

    def _comes_as_before(self) -> bool:
        other = self._before != self._rejudging.documents.reason
        return np.array_equal(self._alive, self._entered) and not (other & ~self._alive).any()

    def _as_before(self) -> None:
        self.codes[self._here] = self._rejudging.documents.reason[self._here]

    def _judge_rows(self, after: MapStage[Any]) -> None:
        rejudging = self._rejudging
        new = self._alive & ~self._entered
        if self._stage.changed and after.judges:
            wanted = self._alive & ~rejudging.failed_at(self._at)
            self._as_before()
            self.codes[wanted] = rejudging.verdicts(after, wanted)[wanted]
        elif self._stage.changed:
            failed = rejudging.failed_at(self._at)
            self.codes[failed] = rejudging.documents.reason[failed]
        else:
            self._as_before()
            if after.judges and new.any():
                self.codes[new] = rejudging.verdicts_before(after, self._at)[new]
        if not after.judges:
            return
        self._leave_open(new & rejudging.lacks(after.judge_columns(), self._at))
        found = rejudging.found_by_decisions(after.judge_columns())
        if found and not np.array_equal(self._alive, self._entered):
            what = f"{self._stage.name} judges by {', '.join(found)}, as the run found it"
            self._remarks.append(f"{what}: with other documents it may be another")

    def _judge_all(self, after: GlobalStage[Any]) -> None:
        rejudging = self._rejudging
        failed = rejudging.failed_at(self._at)
        lacking = self._alive & rejudging.lacks([field.name for field in after.measured_columns()], self._at)
        enters = self._alive & ~failed & ~lacking
        given = _Given(
            rejudging, enters, self._entered & ~failed, self._unsure, self._names, self._learned_tokens, self._before
        )
        before = self._stage.before
        rejudged = after.rejudge(before, given) if isinstance(before, GlobalStage) else None
        if rejudged is None:
            self._take_over(f"what {self._stage.name} does with other documents isn't known without a run")
            return
        numbers = [rejudging.code(reason, self._stage.name) for reason in rejudged.reasons]
        self.codes[enters] = np.array([*numbers, _KEPT], np.int32)[rejudged.codes[enters]]
        self.codes[failed] = rejudging.documents.reason[failed]
        if rejudged.unsure is not None:
            self.guessed |= rejudged.unsure & enters
        self._remarks += rejudged.remarks
        self._tables |= rejudged.tables
        if (self._unsure & enters).any():
            self._remarks.append(f"what comes to {self._stage.name} isn't certain, so its verdicts aren't either")
        self._leave_open(lacking)

    def _take_over(self, why: str) -> None:
        """What the stage said in the run, of a stage of which no more is known. `why`: so."""
        stage = self._stage
        drops = bool(self._here.any())
        rewrites = isinstance(stage.after, GlobalStage) and stage.after.rewrites
        self._as_before()
        if stage.changed and (drops or rewrites):
            raise NeedsRunError(f"what this edit of {stage.name} changes can't be told from columns: it needs a run")
        if stage.changed:
            self._remarks.append(f"{stage.name} drops nothing: what an edit of it changes needs a run")
        elif drops or rewrites or stage.after is None:
            self._remarks.append(f"{why}: documents that came to it are taken as they were")
        if drops:
            self.guessed |= self._alive & ~self._entered

    def _leave_open(self, lacking: Bools) -> None:
        """Documents of which the stage's columns aren't known: kept, perhaps."""
        if not lacking.any():
            return
        self.codes[lacking] = _KEPT
        self.guessed |= lacking
        n = int(lacking.sum())
        documents = "1 document has" if n == 1 else f"{n:,} documents have"
        self._remarks.append(
            f"{documents} no columns of {self._stage.name}: a stage dropped them `early`, or before they were measured"
        )


class _Given:
    """What a stage that looks at all documents is given (`pipeline.rejudging.RunDocuments`)."""

    def __init__(
        self,
        rejudging: Rejudging,
        enters: Bools,
        entered: Bools,
        unsure: Bools,
        stages: Sequence[str],
        learned_tokens: bool,
        codes: Codes,
    ) -> None:
        self._documents, self.stages, self.learned_tokens = rejudging.documents, stages, learned_tokens
        self.enters, self.entered, self.unsure, self._codes = enters, entered, unsure, codes
        self.text_bytes = rejudging.documents.text_bytes
        self.tokens, self.guessed_tokens = rejudging.tokens

    def numbers(self) -> UInt64:
        return self._documents.numbers

    def dropped_for(self, reason: str) -> Bools:
        dropped: Bools = self._documents.reason == self._documents.reasons.code(reason)
        return dropped

    def dropped_before(self) -> tuple[Codes, Sequence[str]]:
        return np.where(self.enters, np.int32(_KEPT), self._codes), self._documents.reasons.names

    def read(self, names: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        for name in names:
            if name not in self._documents.table.columns:
                raise NeedsRunError(f"the run has no column {name!r}")
        return self._documents.read(names)


def _verdict_order(documents: LoadedDocuments, stages: Sequence[ConfiguredStage]) -> list[int]:
    """The places of stages in the config, in the order of their parts of the funnel; a stage without one stands behind
    the stage before it, and is left out as long as the run isn't finished."""
    number_of: dict[str, float] = {}
    for number, entry in enumerate(documents.table.run.funnel()):
        number_of.setdefault(entry.stage, number)
    keys, last = [], -1.0
    for place, stage in enumerate(stages):
        last = number_of.get(stage.name, last)
        if stage.name in number_of or documents.table.run.finished:
            keys.append((last, place))
    return [place for _, place in sorted(keys)]


def _stage_that_drops(reason: str, documents: LoadedDocuments) -> str:
    """A document on which a stage failed counts as that stage's, whichever phase met it."""
    if reason.startswith(_QUARANTINED):
        return reason.removeprefix(_QUARANTINED)
    return documents.table.stage_of_reason.get(reason, "")


def _in_threads(do: Callable[[_Chunk], _Judged], items: Iterable[_Chunk]) -> Iterator[_Judged]:
    """What `do` makes of each, in order, as many at a time as there are cores."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers, "dspipe-judge") as pool:
        waiting: deque[Future[_Judged]] = deque()
        for item in items:
            waiting.append(pool.submit(do, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
