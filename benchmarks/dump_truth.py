"""What deduplication removed from a made crawl, beside what the crawl says are copies: for `benchmarks.dump`.

A document is a copy where one of its page came to deduplication before it; which one of them stays doesn't matter.
Removing it is right where the document that was kept instead is of the same page.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from dspipe.pipeline.inspection.document_table import DocumentTable

DEDUPLICATION = ("exact_dedup", "minhash")
LIKENESS = (0.0, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)


def compare(
    crawl: Path, runs: Sequence[str], stages: Sequence[str] = DEDUPLICATION, per_dump: bool = False
) -> dict[str, Any]:
    """`by number of dumps`: the share of the documents of the first dumps that were removed by `stages`, and that are
    copies, with recall and precision; `by likeness`: the share removed of near-duplicates that are so much alike, and
    of exact copies. per_dump: only what its own dump has already is a copy. Documents that the crawl doesn't know are
    left out."""
    truth = ds.dataset(crawl / "truth").to_table(columns=["id", "dump", "page", "kind", "alike"])
    found = documents(runs, stages)
    found = found.filter(pc.is_in(found.column("id"), value_set=truth.column("id")))
    place = pc.index_in(found.column("id"), value_set=truth.column("id")).to_numpy()
    pages = truth.column("page").to_numpy()
    dump_of_capture = np.array(truth.column("dump").to_pylist())
    if per_dump:
        _, dump = np.unique(dump_of_capture, return_inverse=True)
        pages = pages * (dump.max() + 1) + dump
    page = pages[place]
    copy = np.ones(len(page), np.bool_)
    _, first = np.unique(page, return_index=True)
    copy[first] = False
    keeper = pc.index_in(found.column("keeper"), value_set=truth.column("id"))
    keeper_page = np.where(keeper.is_valid().to_numpy(), pages[pc.fill_null(keeper, 0).to_numpy()], -1)
    removed = found.column("removed").to_numpy()
    # a stage that removes what stands on earlier pages names none of them
    right = removed & np.where(found.column("keeper").is_valid().to_numpy(), keeper_page == page, copy)
    # of a page of which nothing is left one was removed for nothing
    _, at, place_of_page = np.unique(page, return_index=True, return_inverse=True)
    right[at[np.bincount(place_of_page, ~right) == 0]] = False
    dumps = dump_of_capture[place]
    names = sorted(set(dumps.tolist()))
    by_dumps = {}
    for number in range(1, len(names) + 1):
        of = np.isin(dumps, names[:number])
        captures = pages[np.isin(dump_of_capture, names[:number])]
        by_dumps[str(number)] = {
            "documents": int(of.sum()),
            "removed": _share(removed, of),
            "truth": _share(copy, of),
            "all captures": 1 - len(np.unique(captures)) / len(captures),
            "recall": int(right[of].sum()) / max(int(copy[of].sum()), 1),
            "precision": int(right[of].sum()) / max(int(removed[of].sum()), 1),
        }
    kind, alike = (np.array(truth.column(name).to_pylist())[place] for name in ("kind", "alike"))
    return {"by number of dumps": by_dumps, "by likeness": _by_likeness(copy, removed, kind, alike)}


def documents(runs: Sequence[str], stages: Sequence[str]) -> pa.Table:
    """The documents that came to the first of the stages, in their order: id, removed (bool), keeper (the id of the
    document that was kept instead)."""
    return pa.concat_tables([_of_run(DocumentTable.open(run), stages) for run in runs]).combine_chunks()


def _of_run(table: DocumentTable, stages: Sequence[str]) -> pa.Table:
    order = [entry.stage for entry in table.run.funnel()]
    before = order[: min(order.index(stage) for stage in stages if stage in order)]
    ends = (".keeper", ".earlier.id")
    names = [name for stage in stages for name in table.columns if name.startswith(f"{stage}.") and name.endswith(ends)]
    reasons = {entry.stage: list(entry.dropped) for entry in table.run.funnel() if entry.stage in stages}
    # where two stages drop for the same reasons the table names the earlier; the later has measured what it dropped
    twins = {stage: why for stage, why in reasons.items() if {table.stage_of_reason[one] for one in why} - {stage}}
    measured = {stage: next(name for name in table.columns if name.startswith(f"{stage}.")) for stage in twins}
    asked = dict.fromkeys(["id", "number", "stage", "reason", *names, *measured.values()])
    rows = pa.Table.from_batches([part.batch for part in table.read(list(asked))])
    stage = rows.column("stage")
    for twin, column in measured.items():
        its_own = pc.is_in(rows.column("reason"), value_set=pa.array(twins[twin]))
        stage = pc.if_else(pc.and_(its_own, pc.is_valid(rows.column(column))), twin, stage)
    keepers = []
    for name in names:
        column = rows.column(name)
        if name.endswith(".keeper"):  # a number of this run
            column = rows.column("id").take(pc.index_in(column, value_set=rows.column("number").combine_chunks()))
        keepers.append(column)
    found = pa.table(
        {
            "id": rows.column("id"),
            "removed": pc.is_in(stage, value_set=pa.array(stages)),
            "keeper": pc.coalesce(pa.nulls(rows.num_rows, pa.string()), *keepers),
        }
    )
    return found.filter(pc.invert(pc.is_in(stage, value_set=pa.array(before, pa.string()))))


def _by_likeness(
    copy: npt.NDArray[np.bool_],
    removed: npt.NDArray[np.bool_],
    kind: npt.NDArray[np.str_],
    alike: npt.NDArray[np.float32],
) -> dict[str, Any]:
    found = {}
    for low, high in itertools.pairwise(LIKENESS):
        of = copy & (kind == "near") & (alike >= low) & (alike < high)
        found[f"near, {low:g} to {high:g}"] = {"copies": int(of.sum()), "removed": _share(removed, of)}
    of = copy & ((kind != "near") | (alike >= LIKENESS[-1]))
    found["the same main text"] = {"copies": int(of.sum()), "removed": _share(removed, of)}
    return found


def _share(what: npt.NDArray[np.bool_], of: npt.NDArray[np.bool_]) -> float:
    return float(what[of].mean()) if of.any() else 0.0
