"""From band keys to candidate pairs, and from pairs to verdicts, by comparing signatures.

Nothing here is quadratic: of the documents that share a key each is paired with the first two only, and of a component
each is compared with the copies kept so far, at most LEADERS of them.
"""

import numpy as np
import numpy.typing as npt

from kernels.jit import inline, jit
from kernels.minhash import Signatures

Keys = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

LEADERS = 256
"""kept copies of one component that later documents are compared with"""
_PIECE = 1 << 14
"""records grouped at a time: their table (1 MiB at most) stays in the second-level cache"""


def candidate_pairs(keys: Keys, documents: Keys, hot: int) -> tuple[Keys, Keys, Keys, Places]:
    """Pairs of documents that share a key: (members, representatives, hot keys, their sizes).

    `documents` must ascend among equal keys. The first two documents of a key are its representatives: every other one
    is paired with both, the second with the first. Two, because the first may share this one band by chance and
    resemble nobody. Keys shared by more than `hot` documents are reported. A pair may come up once for each key that it
    shares.
    """
    pieces = 1 << max(0, int(len(keys) - 1).bit_length() - _PIECE.bit_length() + 1)
    order_keys, order_documents = np.empty_like(keys), np.empty_like(documents)
    bounds = np.zeros(pieces + 1, np.int64)
    _scatter(keys, documents, bounds, order_keys, order_documents)
    largest = int(np.diff(bounds).max()) if len(keys) else 0
    slots = 1 << max(4, (2 * largest).bit_length())
    return _pair(order_keys, order_documents, bounds, slots, hot)  # type: ignore[no-any-return]


@jit
def _scatter(keys: Keys, documents: Keys, bounds: Places, to_keys: Keys, to_documents: Keys) -> None:
    mask = np.uint64(bounds.shape[0] - 2)
    for i in range(keys.shape[0]):
        bounds[np.int64(keys[i] & mask) + 1] += 1
    for piece in range(1, bounds.shape[0]):
        bounds[piece] += bounds[piece - 1]
    places = bounds.copy()
    for i in range(keys.shape[0]):
        piece = int(keys[i] & mask)
        to_keys[places[piece]] = keys[i]
        to_documents[places[piece]] = documents[i]
        places[piece] += 1


@jit
def _grown(array: Keys, length: int) -> Keys:
    longer = np.empty(max(length, 2 * array.shape[0]), array.dtype)
    longer[: array.shape[0]] = array
    return longer


@jit
def _pair(  # type: ignore[no-untyped-def]
    keys: Keys, documents: Keys, bounds: Places, slots: int, hot: int
):
    members, representatives = np.empty(1024, np.uint64), np.empty(1024, np.uint64)
    hot_keys, hot_sizes = np.empty(0, np.uint64), np.empty(0, np.uint64)
    pairs, hots = 0, 0
    table, first, second = np.empty(slots, np.uint64), np.empty(slots, np.uint64), np.empty(slots, np.uint64)
    sizes = np.zeros(slots, np.int64)
    for piece in range(bounds.shape[0] - 1):
        start, end = bounds[piece], bounds[piece + 1]
        used = 16
        while used < 2 * (end - start):
            used *= 2
        mask = np.uint64(used - 1)
        sizes[:used] = 0
        for i in range(start, end):
            key, document = keys[i], documents[i]
            slot = int((key >> np.uint64(24)) & mask)
            while sizes[slot] and table[slot] != key:
                slot = int((np.uint64(slot) + np.uint64(1)) & mask)
            size = sizes[slot]
            sizes[slot] = size + 1
            if size == 0:
                table[slot], first[slot] = key, document
                continue
            if pairs + 2 > members.shape[0]:
                members, representatives = _grown(members, pairs + 2), _grown(representatives, pairs + 2)
            members[pairs], representatives[pairs] = document, first[slot]
            pairs += 1
            if size == 1:
                second[slot] = document
            else:
                members[pairs], representatives[pairs] = document, second[slot]
                pairs += 1
        for slot in range(used):
            if sizes[slot] > hot:
                if hots == hot_keys.shape[0]:
                    hot_keys, hot_sizes = _grown(hot_keys, hots + 1), _grown(hot_sizes, hots + 1)
                hot_keys[hots], hot_sizes[hots] = table[slot], np.uint64(sizes[slot])
                hots += 1
    return members[:pairs], representatives[:pairs], hot_keys[:hots], hot_sizes[:hots].astype(np.int64)


@inline
def agreement(signed, a, b):  # type: ignore[no-untyped-def]
    """How many places of two signatures are equal."""
    equal = np.uint32(0)
    for j in range(signed.shape[1]):
        equal += np.uint32(signed[a, j] == signed[b, j])
    return equal


@jit
def agreements(signed: Signatures, left: Places, right: Places) -> npt.NDArray[np.uint32]:
    """uint32[pairs]: equal places of the signatures left[i] and right[i]."""
    equal = np.empty(left.shape[0], np.uint32)
    for i in range(left.shape[0]):
        equal[i] = agreement(signed, left[i], right[i])
    return equal


@jit
def leaders(  # type: ignore[no-untyped-def]
    signed: Signatures, order: Places, groups: Places, least: int
):
    """Decide which documents of each component stay, in one pass from best to worst.

    `order` lists the rows of `signed` component by component, the best copy first; component g is
    order[groups[g]:groups[g + 1]]. A document is a duplicate of the first kept copy that at least `least` places agree
    with; where there is none it is kept itself. So every duplicate resembles its kept copy, however long the chain that
    connected them, and no two kept copies of a component resemble each other, as long as there are no more than
    LEADERS.

    Returns (keepers, equal): for each row of `signed` the row of its kept copy (its own when it is kept), and the
    places that agree (all of them with itself).
    """
    keepers, equal = np.empty(signed.shape[0], np.int64), np.empty(signed.shape[0], np.uint32)
    kept = np.empty(LEADERS, np.int64)
    for group in range(groups.shape[0] - 1):
        count = 0
        for i in range(groups[group], groups[group + 1]):
            row = order[i]
            keepers[row], equal[row] = row, np.uint32(signed.shape[1])
            found = False
            for j in range(count):
                same = agreement(signed, row, kept[j])
                if same >= least:
                    keepers[row], equal[row] = kept[j], same
                    found = True
                    break
            if not found and count < LEADERS:
                kept[count] = row
                count += 1
    return keepers, equal
