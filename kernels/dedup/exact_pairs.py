"""Verdicts from sets of shingles: which documents of each component stay, by similarities that are no estimates.

Two sorted sets are merged, and no further than until it is certain that too little is shared: hashes ascend as if drawn
at random, so unlike sets are found out after a small part of them.
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Offsets
from dspipe.kernels.dedup.near_pairs import list_dropped
from dspipe.kernels.dedup.units import Hashes
from dspipe.kernels.jit import entry, inline

Indexes = npt.NDArray[np.int64]

LEADERS = 1024
"""kept copies of one component that later documents are compared with"""
ALIKE, CONTAINED = 0, 1
"""why a document is dropped: similar to its kept copy, or inside it"""
_STEPS = 32
"""of a merge, between looks at whether enough can still be shared"""


@inline
def _count_shared(hashes, i, i_end, j, j_end, least):  # type: ignore[no-untyped-def]
    """How many hashes two sorted sets share; -1 where they are fewer than `least`."""
    shared = np.int64(0)
    while True:
        left = min(i_end - i, j_end - j)
        if shared + left < least:
            return np.int64(-1)
        if left == 0:
            return shared
        for _ in range(min(left, _STEPS)):
            x, y = hashes[i], hashes[j]
            shared += np.int64(x == y)
            i += np.int64(x <= y)
            j += np.int64(y <= x)


@inline
def _compare(hashes, offsets, a, b, threshold, containment):  # type: ignore[no-untyped-def]
    """(share, reason) of a pair: share is 0 where `a` is neither similar to `b` nor in it."""
    first, second = offsets[a + 1] - offsets[a], offsets[b + 1] - offsets[b]
    # a little less than what is asked for: the quotients below decide
    least = threshold / (1.0 + threshold) * np.float64(first + second)
    if containment > 0.0:
        least = min(least, containment * np.float64(first))
    enough = max(np.int64(1), np.int64(np.ceil(least - 1e-6)))
    if enough > min(first, second):
        return 0.0, ALIKE
    shared = _count_shared(hashes, offsets[a], offsets[a + 1], offsets[b], offsets[b + 1], enough)
    if shared < enough:
        return 0.0, ALIKE
    similarity = np.float64(shared) / np.float64(first + second - shared)
    if similarity >= threshold:
        return similarity, ALIKE
    contained = np.float64(shared) / np.float64(first)
    if containment > 0.0 and contained >= containment:
        return contained, CONTAINED
    return 0.0, ALIKE


@entry("keepers", "shares", "reasons")
def exact_leaders(
    hashes: Hashes,
    offsets: Offsets,
    order: Indexes,
    groups: Indexes,
    threshold: float,
    containment: float,
    keepers: Indexes,
    shares: npt.NDArray[np.float32],
    reasons: npt.NDArray[np.uint8],
) -> None:
    """Decide which documents of each component stay, in one pass from best to worst.

    Set i is hashes[offsets[i]:offsets[i + 1]]. `order` lists sets component by component, the best first; component g
    is order[groups[g]:groups[g + 1]]. A document is dropped for the first kept one to which its Jaccard similarity is
    at least `threshold`, or in which at least the share `containment` of its shingles is (0: that doesn't count); where
    there is none it is kept. One without shingles resembles nothing. Of a component LEADERS kept ones are compared.

    Written for each document of `order`: keepers, its kept copy (itself, when kept); shares, the similarity or share
    contained (1 with itself); reasons, ALIKE or CONTAINED.
    """
    kept = np.empty(LEADERS, np.int64)
    for group in range(groups.shape[0] - 1):
        count = 0
        for i in range(groups[group], groups[group + 1]):
            row = order[i]
            keepers[row], shares[row], reasons[row] = row, np.float32(1), np.uint8(ALIKE)
            if offsets[row] == offsets[row + 1]:
                continue
            found = False
            for j in range(count):
                share, reason = _compare(hashes, offsets, row, kept[j], threshold, containment)
                if share > 0.0:
                    keepers[row], shares[row], reasons[row] = kept[j], np.float32(share), np.uint8(reason)
                    found = True
                    break
            if not found and count < LEADERS:
                kept[count] = row
                count += 1


@entry("keepers", "shares")
def find_exact_company(
    hashes: Hashes,
    offsets: Offsets,
    order: Indexes,
    groups: Indexes,
    threshold: float,
    alone: npt.NDArray[np.bool_],
    keepers: Indexes,
    shares: npt.NDArray[np.float32],
) -> None:
    """As `near_pairs.find_company`, by similarities: for who keeps no copy at all."""
    dropped = np.empty(order.shape[0], np.int64)
    for group in range(groups.shape[0] - 1):
        start, end = groups[group], groups[group + 1]
        count = list_dropped(order, start, end, keepers, dropped)
        kept = 0
        for i in range(start, end):
            row = order[i]
            if count == 0 or kept == LEADERS:
                break
            if keepers[row] != row or offsets[row] == offsets[row + 1]:
                continue
            kept += 1
            if not alone[row]:
                continue
            for j in range(count):
                share, _ = _compare(hashes, offsets, row, dropped[j], threshold, 0.0)
                if share > 0.0:
                    keepers[row], shares[row] = dropped[j], np.float32(share)
                    break
