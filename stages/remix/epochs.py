"""The axis of a domain: which of its documents are drawn, and when.

A document has a place on its domain's axis, a number in 0..1 that depends on the seed and its id alone; its second copy
has that place plus one, its third plus two. Drawing e epochs takes every copy whose place is below e: whole epochs and
a seeded part of the next. Parts of the training run (phases) are intervals on that axis one after the other, so a later
phase goes on with the documents that earlier ones have not used up.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 1024
"""The places of a domain's documents are counted in this many bins, so that a part of an epoch is drawn by tokens and
not by documents: it misses its target by at most the tokens of one bin, about a thousandth of the domain, or by one
document where documents are larger than that."""


@dataclass(frozen=True)
class Domain:
    """What is there of a domain: documents, tokens, and its tokens by place (in `BINS` bins, or more)."""

    name: str
    documents: int
    tokens: int
    bins: npt.NDArray[np.int64]


def places(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """The place in 0..1 of documents with these hashes of (seed, id); 53 bits, so float64 holds it exactly."""
    return (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53


def bin_of(place: npt.NDArray[np.float64], bins: int = BINS) -> npt.NDArray[np.int64]:
    """The bin that a place is counted in."""
    return (place * bins).astype(np.int64)


def copies_of(place: npt.NDArray[np.float64], edge: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """How often documents are drawn whose domains' axes are drawn up to `edge` epochs."""
    whole = np.floor(edge)
    return (whole + (place < edge - whole)).astype(np.int32)


def phase_of(
    place: npt.NDArray[np.float64], copy: npt.NDArray[np.int64], edges: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """The phase in which copy number `copy` of a document is seen; `edges` is (documents, phases)."""
    whole = np.floor(edges)
    # compared like copies_of does, since place + copy would be rounded
    before = (copy[:, None] > whole) | ((copy[:, None] == whole) & (place[:, None] >= edges - whole))
    phases: npt.NDArray[np.int64] = before.sum(axis=1)
    return phases


def edge_at(domain: Domain, tokens: float) -> float:
    """Where on the domain's axis this many tokens are below: whole epochs, and within one by the counted bins."""
    if domain.tokens == 0 or tokens <= 0:
        return 0.0
    whole = math.floor(tokens / domain.tokens + 1e-9)
    rest = tokens - whole * domain.tokens
    if rest <= 1e-9 * domain.tokens:
        return float(whole)
    ends = np.cumsum(domain.bins)
    found = int(np.searchsorted(ends, rest))
    before = int(ends[found] - domain.bins[found])
    return whole + (found + (rest - before) / int(domain.bins[found])) / len(domain.bins)
