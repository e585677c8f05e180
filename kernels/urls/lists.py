"""Block lists of domains, URLs and words as one table of 64-bit hashes, and the look-ups of a URL in it.

What is compared of entries and URLs is said in kernels/urls/keys.py. Few URLs have a host in another form than lists
compare (kernels/urls/hosts.py): they are put aside by the kernels and looked up again.

The table holds keys only, each in a slot near where its hash points (linear probing), at most half full: 16 bytes an
entry, one cache line a look-up. Different strings share a hash with a probability of 2**-64 each, so a list of ten
million wrongly blocks one URL in about 10**11. It is a plain array, so that it can be mapped from a file and shared.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.jit import entry, jit, pointer, prefetch
from dspipe.kernels.urls.hosts import with_ascii_hosts
from dspipe.kernels.urls.keys import DOMAIN, KINDS, MAX_KEYS, URL, WORD, url_keys, url_parts

UInt64 = npt.NDArray[np.uint64]
UInt8 = npt.NDArray[np.uint8]

_WAITING = 256
# typed, because numba compiles a function again for each literal argument
_ANY_KIND = np.int64(-1)


class Table(NamedTuple):
    """slots: uint64, a power of two of them, 0 is free; kinds: a bit (1 to 3) for each of KINDS that has entries"""

    slots: UInt64
    kinds: int


@entry("keys", "hosts")
def _entry_keys(data, ends, kind, as_it_is, keys, hosts):  # type: ignore[no-untyped-def]
    """Keys of the lines data[ends[i - 1]:ends[i]]; kind 0 takes what has a path for a URL, else for a domain. Unless
    they are to be taken as they are, lines whose host is in another form get their `hosts` noted instead."""
    line_keys, of_kind = np.empty(MAX_KEYS, np.uint64), np.empty(MAX_KEYS, np.uint8)
    count = 0
    start = 0
    for line in range(len(ends)):
        end = ends[line]
        first = start
        while first < end and data[first] <= 32:
            first += 1
        if first < end and data[first] != 35:  # not a comment
            host, host_end, rest, last, other_form = url_parts(data, start, end, _ANY_KIND)
            line_kind = kind
            if kind == 0:
                border = last
                while border > rest and data[border - 1] == 47:
                    border -= 1
                line_kind = URL if border > rest else DOMAIN
            found = 0
            if other_form and line_kind != WORD and not as_it_is:
                hosts[line, 0], hosts[line, 1] = host, host_end
            else:
                found = url_keys(data, host, host_end, rest, last, 1 << line_kind, True, line_keys, of_kind, 0)
            if found == 1:  # a line of several words is no entry
                keys[2 * count] = line_keys[0]
                keys[2 * count + 1] = np.uint64(line_kind)
                count += 1
        start = end
    return count


@entry("slots")
def _fill(slots, keys):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(slots) - 1)
    for key in keys:
        slot = (key >> np.uint64(1)) & mask
        while slots[np.int64(slot)] != np.uint64(0) and slots[np.int64(slot)] != key:
            slot = (slot + np.uint64(1)) & mask
        slots[np.int64(slot)] = key


@jit
def _probe(slots, keys, of_kind, rows, count, blocked):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(slots) - 1)
    at = pointer(slots)
    for i in range(count):
        key = keys[i]
        slot = np.int64((key >> np.uint64(1)) & mask)
        while at[slot] != np.uint64(0):
            if at[slot] == key:
                if blocked[rows[i]] == 0 or of_kind[i] < blocked[rows[i]]:
                    blocked[rows[i]] = of_kind[i]
                break
            slot = np.int64((np.uint64(slot) + np.uint64(1)) & mask)


@entry("blocked", "hosts")
def _lookup(data, offsets, slots, kinds, as_it_is, blocked, hosts):  # type: ignore[no-untyped-def]
    """What blocks each URL; unless they are to be taken as they are, those whose host is in another form are looked up
    for words only and get their `hosts` noted."""
    room = _WAITING + MAX_KEYS
    keys, of_kind, rows = np.empty(room, np.uint64), np.empty(room, np.uint8), np.empty(room, np.int64)
    mask = np.uint64(len(slots) - 1)
    slots_at = pointer(slots)
    count, done = 0, 0
    for row in range(len(offsets) - 1):
        host, host_end, rest, end, other_form = url_parts(data, offsets[row], offsets[row + 1], kinds)
        looked_for = kinds
        if other_form and not as_it_is:
            hosts[row, 0], hosts[row, 1] = host, host_end
            looked_for = kinds & (1 << WORD)
        count = url_keys(data, host, host_end, rest, end, looked_for, False, keys, of_kind, count)
        # a table of millions lies in main memory: its lines are asked for long before they are looked at
        for i in range(done, count):
            prefetch(slots_at, np.int64((keys[i] >> np.uint64(1)) & mask))
            rows[i] = row
        done = count
        if count >= _WAITING:
            _probe(slots, keys, of_kind, rows, count, blocked)
            count, done = 0, 0
    _probe(slots, keys, of_kind, rows, count, blocked)


def entry_keys(lines: bytes, kind: str | None) -> tuple[UInt64, int]:
    """The keys of a list's lines, and the kinds that are among them as bits. `kind` is one of KINDS, or None where
    lines with a path are URLs and others domains. Empty lines, `#` comments, and word lines of several words are left
    out."""
    data = np.frombuffer(lines, np.uint8)
    ends = np.append(np.flatnonzero(data == 10) + 1, len(data)).astype(np.int64)
    number = 0 if kind is None else KINDS.index(kind) + 1
    keys, hosts = np.empty(2 * len(ends), np.uint64), np.zeros((len(ends), 2), np.int64)
    count = _entry_keys(data, ends, number, False, keys, hosts)
    other_forms = np.flatnonzero(hosts[:, 1])
    if len(other_forms):
        data, offsets = with_ascii_hosts(data, hosts[other_forms], ends[other_forms])
        count += _entry_keys(data, offsets[1:], number, True, keys[2 * count :], hosts[: len(other_forms)])
    kinds = sum(1 << int(found) for found in np.unique(keys[1 : 2 * count : 2]))
    return keys[: 2 * count : 2].copy(), kinds


def build_table(parts: list[tuple[UInt64, int]]) -> Table:
    """One table of the keys of several lists."""
    keys = np.unique(np.concatenate([np.empty(0, np.uint64), *[part for part, _ in parts]]))
    slots = np.zeros(1 << max(2 * len(keys), 2).bit_length(), np.uint64)
    _fill(slots, keys)
    kinds = 0
    for _, bits in parts:
        kinds |= bits
    return Table(slots, kinds)


def blocked_by(data: Bytes, offsets: Offsets, table: Table) -> UInt8:
    """For each URL (of `kernels.arrow.text_buffers`) 0, or 1 + the index in KINDS of the first kind that blocks it."""
    blocked, hosts = np.zeros(len(offsets) - 1, np.uint8), np.zeros((len(offsets) - 1, 2), np.int64)
    _lookup(data, offsets, table.slots, table.kinds, False, blocked, hosts)
    other_forms = np.flatnonzero(hosts[:, 1])
    if len(other_forms):
        data, offsets = with_ascii_hosts(data, hosts[other_forms], offsets[other_forms + 1])
        found = np.zeros(len(other_forms), np.uint8)
        _lookup(data, offsets, table.slots, table.kinds & ~(1 << WORD), True, found, hosts[: len(other_forms)])
        blocked[other_forms] = np.where(found, found, blocked[other_forms])  # domains and URLs come before words
    return blocked
