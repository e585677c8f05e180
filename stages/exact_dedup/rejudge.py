"""What `exact_dedup` would decide if other documents came to it: exact, for the hashes of all texts are stored."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.doc_id import UInt64
from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.stage import Settings
from dspipe.pipeline.tasks.records import Received
from dspipe.stages.exact_dedup.hashes import Halves, address_hashes, stored_hashes
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy
from dspipe.stages.shared.dedup.scope import Scope

Bools = npt.NDArray[np.bool_]
_NONE: UInt64 = np.empty(0, np.uint64)


class Round(NamedTuple):
    """One round: which column is hashed, and the reasons of those dropped for a copy, and for one of an earlier run."""

    column: str
    reason: str
    earlier_reason: str


def rejudge(
    rounds: Sequence[Round], before: Settings, after: Settings, against: bool, documents: RunDocuments
) -> Rejudged:
    """`before` and `after` are the settings keep, sources, scope and min_cluster, of the run and now; `against`: there
    are earlier runs, in whose indexes nothing is looked up here."""
    enters, entered = documents.enters.copy(), documents.entered.copy()
    codes, unsure = np.full(len(enters), -1, np.int32), np.zeros(len(enters), bool)
    reasons = [reason for one in rounds for reason in (one.reason, one.earlier_reason)]
    for number, one in enumerate(rounds):
        if against:
            found = documents.dropped_for(one.earlier_reason)
            codes[found & enters] = 2 * number + 1
            enters, entered = enters & ~found, entered & ~found
            unsure |= enters & ~entered
        was = documents.dropped_for(one.reason)
        dropped = was & enters
        suspects = documents.unsure | ((enters != entered) if before == after else enters)
        rows, gone, open_ = _judge_again(one.column, after, documents, enters, suspects)
        dropped[rows], unsure[rows] = gone, unsure[rows] | open_
        codes[dropped] = 2 * number
        enters, entered = enters & ~dropped, entered & ~was
    remarks = []
    if (new := int((documents.enters & ~documents.entered).sum())) and against:
        remarks.append(f"whether an earlier run kept one of the {new:,} documents that come in isn't looked up")
    return Rejudged(reasons, codes, unsure if unsure.any() else None, remarks)


def _judge_again(
    column: str, settings: Settings, documents: RunDocuments, enters: Bools, suspects: Bools
) -> tuple[npt.NDArray[np.int64], Bools, Bools]:
    """The documents of which one hash has a suspect: (rows, whether each is dropped, whether that isn't certain)."""
    policy = KeepPolicy.of(settings)
    doubtful = _distinct(column, documents, documents.unsure & ~enters)
    suspected = _distinct(column, documents, suspects)
    if not len(suspected):
        return np.empty(0, np.int64), np.empty(0, bool), np.empty(0, bool)
    rows, high, low, batches = [], [], [], []
    for place, hashes, batch in _hashed(column, documents, enters, ["dump", *policy.columns()]):
        hit = is_among(hashes.low, suspected)
        rows.append(place[hit])
        high.append(hashes.high[hit])
        low.append(hashes.low[hit])
        batches.append(batch.filter(pa.array(hit)))
    if not batches:  # none comes to the stage any more
        return np.empty(0, np.int64), np.empty(0, bool), np.empty(0, bool)
    found, gone, open_ = _groups(policy, Scope.of(settings), documents, rows, [high, low], batches)
    return found, gone, open_ | is_among(np.concatenate(low), doubtful)


def _distinct(column: str, documents: RunDocuments, chosen: Bools) -> UInt64:
    """The hashes of the chosen documents, ascending."""
    if not chosen.any():
        return _NONE
    return np.unique(np.concatenate([hashes.low for _, hashes, _ in _hashed(column, documents, chosen)] or [_NONE]))


def _groups(
    policy: KeepPolicy,
    scope: Scope,
    documents: RunDocuments,
    parts: Sequence[npt.NDArray[np.int64]],
    halves: Sequence[Sequence[UInt64]],
    batches: Sequence[pa.RecordBatch],
) -> tuple[npt.NDArray[np.int64], Bools, Bools]:
    rows, hashes = np.concatenate(parts), [np.concatenate(half) for half in halves]
    columns = pa.Table.from_batches(batches).combine_chunks()
    orders = list(policy.order(columns.to_batches()[0]).values()) if len(rows) else []
    alone = pa.ListArray.from_arrays(np.zeros(len(rows) + 1, np.int32), pa.array([], pa.uint32()))
    records = Received(documents.numbers()[rows], columns.append_column("copies", alone), np.empty((0, 1), np.uint32))
    if not len(rows):
        return rows, np.empty(0, bool), np.empty(0, bool)
    order, _, groups = scope.group(policy, records, hashes, orders)
    sizes = np.diff(groups)
    gone, unsure = np.ones(len(rows), bool), np.zeros(len(rows), bool)
    firsts = order[groups[:-1]]
    gone[firsts] = (sizes > 1) & policy.keeps_none
    guessed = np.logical_or.reduceat(documents.unsure[rows][order], groups[:-1]) & (sizes > 1)
    unsure[order] = np.repeat(guessed, sizes)
    return rows, gone, unsure


def _hashed(
    column: str, documents: RunDocuments, chosen: Bools, others: Sequence[str] = ()
) -> Iterator[tuple[npt.NDArray[np.int64], Halves, pa.RecordBatch]]:
    """(rows, their hashes, other columns) of the chosen documents that have a hash."""
    hash_of: Callable[[pa.Array], Halves] = address_hashes if column == "url" else stored_hashes
    for first, batch in documents.read(list(dict.fromkeys([column, *others]))):
        here = chosen[first : first + batch.num_rows]
        if not here.any():
            continue
        known = here & pc.is_valid(batch.column(column)).to_numpy(zero_copy_only=False)
        batch = batch.filter(pa.array(known))
        yield first + np.flatnonzero(known), hash_of(batch.column(column)), batch.select(list(others))


def is_among(values: UInt64, ascending: UInt64) -> Bools:
    """Which values are among others (sorted, distinct)."""
    if not len(ascending):
        return np.zeros(len(values), bool)
    found: Bools = ascending[np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)] == values
    return found
