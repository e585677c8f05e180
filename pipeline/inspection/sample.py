"""`dspipe sample`: documents of a run by what became of them, drawn from columns; only texts of those drawn are read.

A draw is uniform and without replacement, and follows from the documents' origins and the seed: neither the order of
shards nor threads matter. Where documents near a threshold are wanted, they are the nearest ones instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.urls.hosts_of import hosts_of
from dspipe.pipeline.condition import Condition, parse_condition
from dspipe.pipeline.config.suggestions import near
from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.inspection.beside_limits import Measured, spans_of, values_beside_limits
from dspipe.pipeline.inspection.document_table import NUMBER, REASON, STAGE, DocumentTable
from dspipe.pipeline.inspection.documents_at import documents_at
from dspipe.pipeline.inspection.draw import USE, Draw, TooManyStrataError
from dspipe.pipeline.inspection.early_kept import EarlyKept
from dspipe.pipeline.inspection.run_thresholds import run_thresholds, thresholds_at
from dspipe.pipeline.inspection.strata import HOST, Buckets, By, Edges, parse_all
from dspipe.pipeline.stage import Span, Stage

WITHIN, OUTSIDE = "within", "outside"
"""the sides of a threshold"""
_EVERY_TEXT = ("id", "url", "domain", "language")


class SampleError(Exception):
    """What was asked for isn't there: a sentence that says what is."""


@dataclass(frozen=True)
class Wanted:
    """Which documents, and how many of each stratum."""

    each: int = 20
    dropped_by: tuple[str, ...] = ()
    """reasons or stages; any of them"""
    kept: bool = False
    where: str | None = None
    near: str | None = None
    """the path of a setting"""
    by: tuple[str, ...] = ()
    """columns whose values make the strata; `quality:5` for five equal parts of a column of numbers"""
    seed: int = 0
    at_most_of: tuple[str, int] | None = None
    """a column, or `host`, and how many documents of one of its values a stratum has at most"""


@dataclass(frozen=True)
class SampledDocument:
    """One document."""

    id: str | None
    url: str | None
    domain: str | None
    language: str | None
    verdict: str
    """kept, dropped, or quarantined; undecided, where nothing has dropped it and the run isn't finished"""
    stage: str | None
    """that dropped it, or failed on it"""
    reason: str | None
    """of the drop; of a record in the quarantine the error"""
    stratum: Mapping[str, str | None] = field(default_factory=dict)
    side: str | None = None
    """of the threshold that it is near to: within, or outside"""
    measured: Sequence[Measured] = ()
    """values that break their limits, and the one beside the threshold that it is near to"""
    text: str | None = None
    """null where it isn't stored"""
    text_is: str = "stored"
    """where the text is from, and what is missing: `stored`, or a sentence"""
    spans: Sequence[Span] = ()
    """the parts of the text that count against it"""
    number: int | None = None
    """`pipeline.doc_id`"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        values = asdict(self)
        return {**values, "measured": [asdict(one) for one in self.measured], "spans": [asdict(s) for s in self.spans]}


@dataclass(frozen=True)
class Part:
    """What was drawn of one stratum, or of one side of a threshold in it."""

    stratum: Mapping[str, str | None]
    side: str | None
    of: int
    """documents that there are"""
    documents: Sequence[SampledDocument]


@dataclass(frozen=True)
class DocumentSample:
    """A sample of a run's documents."""

    parts: Sequence[Part]
    threshold: str | None = None
    """the path of the setting that they are near to"""
    remarks: Sequence[str] = ()
    """what somebody should know who looks at it"""

    @property
    def documents(self) -> list[SampledDocument]:
        """All documents, in order."""
        return [document for part in self.parts for document in part.documents]


def sample(table: DocumentTable, wanted: Wanted, stages: Sequence[Stage[Any]] = ()) -> DocumentSample:
    """Draw documents. `stages`: of the run (`run_file.configured_stages`); what they ask stands beside the values.

    Raises SampleError, ConditionError, NoThresholdError for what isn't there; DamagedFileError.
    """
    drawing = _Drawing(table, wanted, stages)
    return drawing.sample()


class _Drawing:
    """One pass over the columns that are needed, then the documents drawn."""

    def __init__(self, table: DocumentTable, wanted: Wanted, stages: Sequence[Stage[Any]]) -> None:
        self.table, self.wanted, self.stages = table, wanted, stages
        self.known = table.columns
        if not self.known:
            raise SampleError(f"{table.store.root}: no shard is read yet, so there is no document to show")
        self.reasons = self._reasons_wanted()
        self.where = self._condition()
        self.near = thresholds_at(wanted.near, run_thresholds(table.run, stages)) if wanted.near else []
        self.strata = self._strata()
        self.by = tuple(one.column for one in self.strata)
        self.buckets = dict[str, Buckets]()
        self.at_most_of = self._limiting_column()
        self.order = {entry.stage: place for place, entry in enumerate(table.run.funnel())}
        self.early = EarlyKept(table, stages)

    def sample(self) -> DocumentSample:
        drawn = self._draw()
        drawn_numbers = [number for one in drawn.values() for number in one.numbers]
        rows = documents_at(self.table, drawn_numbers, self._columns_shown())
        parts = []
        for stratum, one in drawn.items():
            side = stratum[-1] if self.near else None
            names = dict(zip(self.by, stratum, strict=False))
            documents = [self._document(n, rows[n], names, side) for n in one.numbers if n in rows]
            parts.append(Part(names, side, one.of, documents))
        remarks = []
        if self._drops_early_only() and parts:
            remarks.append(self.early.remark)
        if not self.table.run.finished:
            remarks.append("the run isn't finished: verdicts are as far as it has come")
        return DocumentSample(parts, self.wanted.near, remarks)

    def _draw(self) -> Mapping[tuple[str | None, ...], Any]:
        self._find_buckets()
        draw = Draw(self.wanted.each, self.wanted.at_most_of[1] if self.wanted.at_most_of else None)
        for rows in self.table.read(self._columns_needed()):
            batch = rows.batch
            chosen = self._chosen(batch)
            distances: npt.NDArray[np.float64] | None = None
            strata: list[pa.Array] = []
            if self.near:
                above, broken = self._beside_threshold(batch)
                chosen &= ~np.isnan(above)
                distances = np.abs(above)[chosen]
                strata = [pa.array(np.where(broken, OUTSIDE, WITHIN)[chosen])]
            picked = batch.filter(pa.array(chosen))
            hashes = seeded_hashes(picked.column("origin"), self.wanted.seed, USE)
            if self._drops_early_only():
                without_text = ~np.isin(picked.column("origin").to_numpy(), self.early.origins)
                distances = without_text.astype(np.float64) if distances is None else distances
            try:
                numbers = picked.column(NUMBER).to_numpy()
                draw.add([*self._names(picked), *strata], hashes, numbers, distances, self._limited(picked))
            except TooManyStrataError as error:
                raise SampleError(f"--by {','.join(self.by)}: {error}; choose columns of fewer values") from None
        return draw.drawn()

    def _find_buckets(self) -> None:
        """One more pass over few columns, where a column of numbers is to be divided."""
        edges = {one.column: Edges(one) for one in self.strata if one.buckets is not None}
        if not edges:
            return
        for rows in self.table.read(self._columns_needed()):
            picked = rows.batch.filter(pa.array(self._chosen(rows.batch)))
            for column, found in edges.items():
                found.add(picked.column(column))
        self.buckets = {column: found.find() for column, found in edges.items()}

    def _names(self, picked: pa.RecordBatch) -> list[pa.Array]:
        """The values of the columns that make the strata."""
        return [
            self.buckets[name].names_of(picked.column(name)) if name in self.buckets else picked.column(name)
            for name in self.by
        ]

    def _limited(self, picked: pa.RecordBatch) -> pa.Array | None:
        if self.wanted.at_most_of is None:
            return None
        column = picked.column(self.at_most_of)
        return hosts_of(column) if self.at_most_of != self.wanted.at_most_of[0] else column

    def _chosen(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        chosen = np.ones(batch.num_rows, bool)
        if REASON in batch.schema.names:
            reason = batch.column(REASON).cast(pa.string())
            if self.wanted.kept:
                chosen &= np.array(reason.is_null())
            if self.wanted.dropped_by:
                chosen &= np.array(pc.is_in(reason, pa.array(self.reasons, pa.string())))
        if self.near and STAGE in batch.schema.names:
            # what an earlier stage dropped was never held against the threshold
            place = self.order.get(self.near[0].stage.name, 0)
            earlier = pa.array([name for name, at in self.order.items() if at < place], pa.string())
            chosen &= ~np.array(pc.is_in(batch.column(STAGE), earlier))
        if self.where is not None:
            chosen &= self.where.mask(batch).to_numpy(zero_copy_only=False)
        return chosen

    def _beside_threshold(self, batch: pa.RecordBatch) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """How far each document is above its number (NaN: it has none), and whether it breaks the threshold."""
        above, broken = np.full(batch.num_rows, np.nan), np.zeros(batch.num_rows, bool)
        for one in self.near:
            values, numbers = batch.column(one.threshold.column), one.stage.in_force(one.threshold, batch)
            found = one.threshold.above(values, numbers)
            above = np.where(np.isnan(above), found, above)
            broken |= one.threshold.broken(values, numbers)
        return above, broken

    def _document(
        self, number: int, columns: Mapping[str, Any], stratum: Mapping[str, str | None], side: str | None
    ) -> SampledDocument:
        reason = columns.get(REASON)
        text = columns.get("text")
        text_is, spans = "stored", []
        if text is None:
            text, text_is = self.early.text(columns["origin"])
        else:
            spans = spans_of(self.stages, text, columns)
        values = [one for one in values_beside_limits(self.stages, columns) if one.broken or self._is_near(one)]
        return SampledDocument(
            **{name: columns.get(name) for name in _EVERY_TEXT},
            verdict="dropped" if reason is not None else "kept" if self.table.run.finished else "undecided",
            stage=None if reason is None else self.table.stage_of_reason.get(reason),
            reason=reason,
            stratum=stratum,
            side=side,
            measured=values,
            text=text,
            text_is=text_is,
            spans=spans,
            number=number,
        )

    def _is_near(self, one: Measured) -> bool:
        return any((one.column, one.reason) == (n.threshold.column, n.threshold.reason) for n in self.near)

    # what is asked for

    def _reasons_wanted(self) -> list[str]:
        of_stage = self.table.stage_of_reason
        found: list[str] = []
        for name in self.wanted.dropped_by:
            reasons = [reason for reason, stage in of_stage.items() if name in (reason, stage)]
            if not reasons:
                raise SampleError(self._no_such_reason(name))
            found += reasons
        return found

    def _no_such_reason(self, name: str) -> str:
        of_stage = self.table.stage_of_reason
        names = {*of_stage, *(entry.stage for entry in self.table.run.funnel())}
        if name in names:
            return f"{name} has dropped no document"
        if not of_stage:
            return "this run has dropped no document" + ("" if self.table.run.finished else " so far")
        close = near(name, sorted(names))
        if close:
            return f"no document was dropped by {name}; did you mean {close}?"
        reasons = dict[str, list[str]]()
        for reason, stage in of_stage.items():
            reasons.setdefault(stage, []).append(reason)
        there = "; ".join(f"{stage}: {', '.join(sorted(named))}" for stage, named in reasons.items())
        return f"no document was dropped by {name}; there are {there}"

    def _condition(self) -> Condition | None:
        return parse_condition(self.wanted.where, self.known) if self.wanted.where is not None else None

    def _column(self, name: str) -> str:
        if name not in self.known:
            close = near(name, self.known)
            raise SampleError(
                f"there is no column {name}; "
                + (f"did you mean {close}?" if close else f"there are: {', '.join(sorted(self.known))}")
            )
        if pa.types.is_nested(self.known[name]):
            raise SampleError(f"--by {name}: a list has no single value")
        return name

    def _strata(self) -> Sequence[By]:
        try:
            strata = parse_all(self.wanted.by)
        except ValueError as error:
            raise SampleError(f"--by {error}") from None
        for one in strata:
            kind = self.known[self._column(one.column)]
            if one.buckets is not None and not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
                raise SampleError(f"--by {one.column}:{one.buckets}: {one.column} is {kind}, no number")
        if twice := next((one for one in strata if sum(one.column == two.column for two in strata) > 1), None):
            raise SampleError(f"--by names {twice.column} twice")
        return strata

    def _limiting_column(self) -> str:
        if self.wanted.at_most_of is None:
            return ""
        name = self.wanted.at_most_of[0]
        return self._column("url" if name == HOST and HOST not in self.known else name)

    def _columns_needed(self) -> list[str]:
        names = ["origin", NUMBER, *self.by, *([self.at_most_of] if self.at_most_of else [])]
        if REASON in self.known and (self.wanted.kept or self.wanted.dropped_by):
            names.append(REASON)
        if self.near and STAGE in self.known:
            names.append(STAGE)
        of_thresholds = chain.from_iterable((*one.threshold.columns, *one.stage.concerns) for one in self.near)
        names += map(self._measured, of_thresholds)
        return list(dict.fromkeys([*names, *(self.where.columns if self.where else ())]))

    def _measured(self, name: str) -> str:
        if name not in self.known:
            raise SampleError(f"the run has no column {name} yet, which {self.wanted.near} is held against")
        return name

    def _columns_shown(self) -> list[str]:
        """All but what nobody reads, such as signatures."""
        binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
        stored = {name: kind for name, kind in self.known.items() if name not in (STAGE, NUMBER)}
        return [name for name, kind in stored.items() if not any(is_one(kind) for is_one in binary)]

    def _drops_early_only(self) -> bool:
        return bool(self.reasons) and self.early.covers(self.reasons)
