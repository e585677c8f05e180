"""Which documents fulfil a condition, for the browser of documents: how many, and which to page through."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dspipe.pipeline.condition import Condition
from dspipe.pipeline.doc_id import UInt64, doc_ids
from dspipe.pipeline.inspection.document_table import DocumentTable

MOST = 100_000
"""numbers that are kept: 800 kB a condition"""
Order = Literal["stored", "shuffled"]


@dataclass(frozen=True)
class Matches:
    """The documents that fulfil a condition."""

    count: int
    documents: int
    """of the run"""
    numbers: UInt64
    """of at most `MOST` of them: the first ones, or a sample that depends on the seed alone"""


def find_matches(table: DocumentTable, condition: Condition | None, order: Order, seed: int) -> Matches:
    """Read the columns of the condition (None: all documents fulfil it). Raises ConditionError, DamagedFileError."""
    count, kept, pieces, size = 0, np.zeros(0, np.uint64), list[UInt64](), 0
    for numbers in _chosen(table, condition):
        count += len(numbers)
        if order == "stored" and size + len(kept) >= MOST:
            if condition is None:
                break
            continue
        pieces.append(numbers)
        size += len(numbers)
        if size > 4 * MOST or order == "stored":
            kept, pieces, size = _reduce([kept, *pieces], order, seed), [], 0
    kept = _reduce([kept, *pieces], order, seed)
    return Matches(table.documents if condition is None else count, table.documents, kept)


def _chosen(table: DocumentTable, condition: Condition | None) -> Iterator[UInt64]:
    """The numbers of the documents that fulfil it, a few thousand at a time."""
    if condition is None:
        for shard, place in enumerate(table.shards):
            yield doc_ids(shard, np.arange(place.rows))
        return
    for rows in table.read(condition.columns):
        chosen = np.flatnonzero(condition.mask(rows.batch).to_numpy(zero_copy_only=False))
        if len(chosen):
            yield doc_ids(rows.shard, rows.first + chosen)


def _reduce(pieces: list[UInt64], order: Order, seed: int) -> UInt64:
    numbers = np.concatenate(pieces)
    if order == "stored":
        return numbers[:MOST]
    ranks = _mixed(numbers, seed)
    if len(numbers) > MOST:
        smallest = np.argpartition(ranks, MOST)[:MOST]
        numbers, ranks = numbers[smallest], ranks[smallest]
    return numbers[np.argsort(ranks, kind="stable")]


def _mixed(numbers: UInt64, seed: int) -> UInt64:
    """A rank for each document that depends on it and on the seed alone (splitmix64, Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        mixed = numbers + np.uint64(seed + 1) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
