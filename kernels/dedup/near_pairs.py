"""From band keys to candidate pairs, and from pairs to verdicts, by comparing signatures.

Nothing here is quadratic: of the documents that share a key each is paired with the first two only, and of a component
each is compared with the copies kept so far, at most LEADERS of them.
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.dedup.minhash import Signatures
from dspipe.kernels.jit import entry, inline, jit

Keys = npt.NDArray[np.uint64]
Indexes = npt.NDArray[np.int64]

LEADERS = 256
"""kept copies of one component that later documents are compared with"""
_GROUP_RECORDS = 1 << 14
"""records grouped at a time: their table (1 MiB at most) stays in the second-level cache"""


def candidate_pairs(keys: Keys, documents: Keys, hot: int) -> tuple[Keys, Keys, int]:
    """Pairs of documents that share a key: (members, representatives, number of hot keys).

    `documents` must ascend among equal keys. The first two documents of a key are its representatives: every other one
    is paired with both, the second with the first. Two, because the first may share this one band by chance and
    resemble nobody. Keys shared by more than `hot` documents are counted. A pair may come up once for each key that it
    shares.
    """
    pieces = 1 << max(0, int(len(keys) - 1).bit_length() - _GROUP_RECORDS.bit_length() + 1)
    order_keys, order_documents = np.empty_like(keys), np.empty_like(documents)
    bounds = np.zeros(pieces + 1, np.int64)
    _scatter(keys, documents, bounds, order_keys, order_documents)
    largest = int(np.diff(bounds).max()) if len(keys) else 0
    slots = 1 << max(4, (2 * largest).bit_length())
    return _pair(order_keys, order_documents, bounds, slots, hot)  # type: ignore[no-any-return]


@entry("bounds", "to_keys", "to_documents")
def _scatter(keys: Keys, documents: Keys, bounds: Indexes, to_keys: Keys, to_documents: Keys) -> None:
    mask = np.uint64(bounds.shape[0] - 2)
    for i in range(keys.shape[0]):
        bounds[np.int64(keys[i] & mask) + 1] += 1
    for piece in range(1, bounds.shape[0]):
        bounds[piece] += bounds[piece - 1]
    following = bounds.copy()
    for i in range(keys.shape[0]):
        piece = int(keys[i] & mask)
        to_keys[following[piece]] = keys[i]
        to_documents[following[piece]] = documents[i]
        following[piece] += 1


@jit
def _grow(array: Keys, length: int) -> Keys:
    longer = np.empty(max(length, 2 * array.shape[0]), array.dtype)
    longer[: array.shape[0]] = array
    return longer


@entry()
def _pair(  # type: ignore[no-untyped-def]
    keys: Keys, documents: Keys, bounds: Indexes, slots: int, hot: int
):
    members, representatives = np.empty(1024, np.uint64), np.empty(1024, np.uint64)
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
                members, representatives = _grow(members, pairs + 2), _grow(representatives, pairs + 2)
            members[pairs], representatives[pairs] = document, first[slot]
            pairs += 1
            if size == 1:
                second[slot] = document
            else:
                members[pairs], representatives[pairs] = document, second[slot]
                pairs += 1
        for slot in range(used):
            hots += int(sizes[slot] > hot)
    return members[:pairs], representatives[:pairs], hots


def hot_in_window(
    keys: Keys, rows: npt.NDArray[np.uint32], max_documents: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Which keys of a window of a shard to send, and pairs in place of the others.

    keys is uint64[documents, bands]. Of a key that more than `max_documents` share, only the first so many are
    to be sent (bool[documents, bands]); each of the others is paired with the first two (members, representatives:
    uint32).
    """
    slots = 1 << max(4, (2 * keys.size).bit_length())
    sent = np.ones(keys.shape, np.bool_)
    return _hold_back_hot(keys, rows, max_documents, slots, sent)  # type: ignore[no-any-return]


@entry("sent")
def _hold_back_hot(  # type: ignore[no-untyped-def]
    keys: Keys, rows: npt.NDArray[np.uint32], max_documents: int, slots: int, sent: npt.NDArray[np.bool_]
):
    table, sizes = np.empty(slots, np.uint64), np.zeros(slots, np.int32)
    first, second = np.empty(slots, np.uint32), np.empty(slots, np.uint32)
    members, representatives = np.empty(0, np.uint32), np.empty(0, np.uint32)
    pairs = 0
    mask = np.uint64(slots - 1)
    for i in range(keys.shape[0]):
        for j in range(keys.shape[1]):
            key = keys[i, j]
            slot = int(key & mask)
            while sizes[slot] and table[slot] != key:
                slot = int((np.uint64(slot) + np.uint64(1)) & mask)
            size = sizes[slot]
            sizes[slot] = size + 1
            if size == 0:
                table[slot], first[slot] = key, rows[i]
            elif size == 1:
                second[slot] = rows[i]
            if size >= max_documents:
                sent[i, j] = False
                if pairs + 2 > members.shape[0]:
                    members, representatives = _grow(members, pairs + 2), _grow(representatives, pairs + 2)
                members[pairs], representatives[pairs] = rows[i], first[slot]
                members[pairs + 1], representatives[pairs + 1] = rows[i], second[slot]
                pairs += 2
    return sent, members[:pairs], representatives[:pairs]


@inline
def _count_equal(signed, a, b):  # type: ignore[no-untyped-def]
    """At how many positions two signatures are equal."""
    equal = np.uint32(0)
    for j in range(signed.shape[1]):
        equal += np.uint32(signed[a, j] == signed[b, j])
    return equal


@entry()
def agreements(signed: Signatures, left: Indexes, right: Indexes) -> npt.NDArray[np.uint32]:
    """uint32[pairs]: at how many positions the signatures left[i] and right[i] are equal."""
    equal = np.empty(left.shape[0], np.uint32)
    for i in range(left.shape[0]):
        equal[i] = _count_equal(signed, left[i], right[i])
    return equal


@entry()
def may_be_contained(
    signed: Signatures, left: Indexes, right: Indexes, containment: float, deviations: float
) -> npt.NDArray[np.bool_]:
    """bool[pairs]: whether one of two documents may have at least the share `containment` of its shingles in the other.

    The least value of the union of A and B is A's at #(A <= B) positions, and both's where they are equal: the quotient
    estimates the share of A that is in B, whatever their sizes. It may fall short by as many standard deviations of a
    binomial count as `deviations`.
    """
    maybe = np.empty(left.shape[0], np.bool_)
    for i in range(left.shape[0]):
        a, b = left[i], right[i]
        equal, first, second = np.uint32(0), np.uint32(0), np.uint32(0)
        for j in range(signed.shape[1]):
            equal += np.uint32(signed[a, j] == signed[b, j])
            first += np.uint32(signed[a, j] <= signed[b, j])
            second += np.uint32(signed[a, j] >= signed[b, j])
        least = np.float64(min(first, second))
        spread = deviations * np.sqrt(containment * (1.0 - containment) * least)
        maybe[i] = np.float64(equal) >= containment * least - spread
    return maybe


@entry()
def leaders(  # type: ignore[no-untyped-def]
    signed: Signatures, order: Indexes, groups: Indexes, min_agreement: int
):
    """Decide which documents of each component stay, in one pass from best to worst.

    `order` lists the rows of `signed` component by component, the best copy first; component g is
    order[groups[g]:groups[g + 1]]. A document is a duplicate of the first kept copy with which at least
    `min_agreement` positions agree; where there is none it is kept itself. So every duplicate resembles its kept copy,
    however long the chain that connected them, and no two kept copies of a component resemble each other, as long as
    there are no more than LEADERS.

    Returns (keepers, equal): for each row of `signed` the row of its kept copy (its own when it is kept), and the
    positions that agree (all of them with itself).
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
                same = _count_equal(signed, row, kept[j])
                if same >= min_agreement:
                    keepers[row], equal[row] = kept[j], same
                    found = True
                    break
            if not found and count < LEADERS:
                kept[count] = row
                count += 1
    return keepers, equal


@inline
def list_dropped(order, start, end, keepers, dropped):  # type: ignore[no-untyped-def]
    """Write those of order[start:end] whose keeper is another to `dropped`; returns how many."""
    count = 0
    for i in range(start, end):
        if keepers[order[i]] != order[i]:
            dropped[count] = order[i]
            count += 1
    return count


@entry("keepers", "equal")
def find_company(
    signed: Signatures,
    order: Indexes,
    groups: Indexes,
    min_agreement: int,
    alone: npt.NDArray[np.bool_],
    keepers: Indexes,
    equal: npt.NDArray[np.uint32],
) -> None:
    """For who keeps no copy at all: kept documents that resemble a dropped one, in the verdicts of `leaders`.

    A document of a chain resembles no kept copy, but maybe one that was dropped for another. The kept documents that
    are `alone` (bool, per row of `signed`: nothing was dropped for them) are compared with those that were dropped,
    and the first that is like it becomes the keeper of each, in `keepers` and `equal`. Of a component LEADERS kept
    documents are looked at.
    """
    dropped = np.empty(order.shape[0], np.int64)
    for group in range(groups.shape[0] - 1):
        start, end = groups[group], groups[group + 1]
        count = list_dropped(order, start, end, keepers, dropped)
        kept = 0
        for i in range(start, end):
            row = order[i]
            if count == 0 or kept == LEADERS:
                break
            if keepers[row] != row:
                continue
            kept += 1
            if not alone[row]:
                continue
            for j in range(count):
                same = _count_equal(signed, row, dropped[j])
                if same >= min_agreement:
                    keepers[row], equal[row] = dropped[j], same
                    break
