"""Epochs of a domain: which of its documents are drawn, how often, and when.

A document has a position in its domain, a number in 0..1 that depends on the seed and its origin alone. Its first copy
stands at that position, its second at that plus one, its third at that plus two, and so on: a line of epochs, each with
all the documents in the same order. Drawing e epochs takes every copy that stands below e: whole epochs and a seeded
part of the next. Phases of the training run are intervals of that line, one after the other, so a later phase goes on
with the documents that earlier ones have not used up.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

BINS = 1024
"""Positions in a domain are counted in this many bins, so that a part of an epoch is drawn by tokens and not by
documents: it misses its target by at most the tokens of one bin, about a thousandth of the domain, or by one document
where documents are larger than that."""


@dataclass(frozen=True)
class Scores:
    """The quality order of a domain, where a curve is to follow it."""

    bins: Int64
    """the bins of scores that its documents have, ascending (`stages.remix.score_counts`)"""
    scored: int
    """documents that have a score"""
    squares: Float64
    """the sum of the squares of its documents' tokens, by bin"""


@dataclass(frozen=True)
class Domain:
    """What is there of a domain."""

    name: str
    documents: int
    tokens: int
    bins: Int64
    """its tokens by position, in `BINS` bins or more; where there are scores, by the bins of these"""
    scores: Scores | None = None


def hash_positions(hashes: npt.NDArray[np.uint64]) -> Float64:
    """The position in 0..1 of documents with these hashes of (seed, origin); 53 bits, so float64 holds it exactly."""
    return (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53


def find_bins(positions: Float64, bins: int = BINS) -> Int64:
    """The bin that each position is counted in."""
    return (positions * bins).astype(np.int64)


def count_copies(positions: Float64, epochs: Float64) -> npt.NDArray[np.int32]:
    """How often documents are drawn of whose domains so many epochs are drawn; one of each per document."""
    whole = np.floor(epochs)
    return (whole + (positions < epochs - whole)).astype(np.int32)


def find_phases(positions: Float64, copies: Int64, epochs_by_phase: Float64) -> Int64:
    """The phase in which copy number copies[i] (from 0) of document i is seen.

    epochs_by_phase: float64[documents, phases], how many epochs of the document's domain are drawn by the end of each.
    """
    whole = np.floor(epochs_by_phase)
    # compared like count_copies does, since position + copy would be rounded
    later = (copies[:, None] > whole) | ((copies[:, None] == whole) & (positions[:, None] >= epochs_by_phase - whole))
    phases: Int64 = later.sum(axis=1)
    return phases


def epochs_for(domain: Domain, tokens: float) -> float:
    """How many epochs of a domain hold this many tokens: whole ones, and within one by the counted bins."""
    if domain.tokens == 0 or tokens <= 0:
        return 0.0
    whole = math.floor(tokens / domain.tokens + 1e-9)
    remainder = tokens - whole * domain.tokens
    if remainder <= 1e-9 * domain.tokens:
        return float(whole)
    ends = np.cumsum(domain.bins)
    found = int(np.searchsorted(ends, remainder))
    before = int(ends[found] - domain.bins[found])
    return whole + (found + (remainder - before) / int(domain.bins[found])) / len(domain.bins)
