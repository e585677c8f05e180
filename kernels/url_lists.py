"""Block lists of domains, URLs and words as one table of 64-bit hashes, and the look-ups of a URL in it.

What is compared, for entries and for documents' URLs alike, after the scheme, user, port, fragment and a trailing dot
of the host are left out and ASCII letters are folded to lower case:

    domains   the host and every parent domain of it: `example.com` blocks `www.example.com`, not `anexample.com`
    urls      the URL without `www.`, and every part of it that ends before a `/`, `?` or `&`: `example.com/a` blocks
              `http://www.example.com/a/b?c`, not `example.com/ab` (squidGuard's meaning, whose lists these are)
    words     runs of ASCII letters and digits, and of other bytes, anywhere in the URL

A host with other than ASCII letters has several forms, `münchen.de`, `m%C3%BCnchen.de`, `xn--mnchen-3ya.de`: domains
and URLs are compared in the last one (`ascii_host`), words as the URL is written. Few URLs are in another form; they
are put aside by the kernels and looked up again.

The table holds keys only, each in a slot near where its hash points (linear probing), at most half full: 16 bytes an
entry, one cache line a look-up. Different strings share a hash with a probability of 2**-64 each, so a list of ten
million wrongly blocks one URL in about 10**11. It is a plain array, so that it can be mapped from a file and shared.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kernels.arrow import Bytes, Offsets, text_buffers
from kernels.jit import inline, jit, pointer, prefetch

UInt64 = npt.NDArray[np.uint64]
UInt8 = npt.NDArray[np.uint8]

KINDS = ("domain", "url", "word")
_DOMAIN, _URL, _WORD = 1, 2, 3
READ_BYTES = 4096
"""of a longer URL only this much is looked at"""
_WAITING = 256
_LABEL = 63
"""bytes of a label of a host at most (RFC 1034, 3.1)"""
_NOT_IN_HOSTS = re.compile(rb"[\x00-\x20/?#@:\\%]")


class Table(NamedTuple):
    """slots: uint64, a power of two of them, 0 is free; kinds: a bit (1 to 3) for each of KINDS that has entries"""

    slots: UInt64
    kinds: int


@inline
def _mix(h, kind):  # type: ignore[no-untyped-def]
    """A key: never 0, different for the kinds."""
    h = (h ^ (h >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) + np.uint64(kind)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(29)) | np.uint64(1)


@inline
def _step(h, byte):  # type: ignore[no-untyped-def]
    return (h ^ np.uint64(byte)) * np.uint64(0x9FB21C651E98DF25) ^ (h >> np.uint64(32))


@inline
def _lower(byte):  # type: ignore[no-untyped-def]
    return byte | np.uint8(32) if 65 <= byte <= 90 else byte


@inline
def _is_word(byte):  # type: ignore[no-untyped-def]
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte >= 128


@jit
def _parts(data, start, end):  # type: ignore[no-untyped-def]
    """(host start, host end, rest start, end, is the host in another form) of a URL or a list's line in
    data[start:end]."""
    while start < end and data[start] <= 32:
        start += 1
    while end > start and data[end - 1] <= 32:
        end -= 1
    end = min(end, start + READ_BYTES)
    for at in range(start, end):
        byte = data[at]
        if byte == 58:  # a scheme's colon
            if at + 2 < end and data[at + 1] == 47 and data[at + 2] == 47:
                start = at + 3
            break
        if not (_is_word(byte) or 43 <= byte <= 46):
            break
    while start < end and data[start] == 47:
        start += 1
    for at in range(start, end):
        if data[at] == 35:
            end = at
            break
    rest = start
    other_form = False
    while rest < end and data[rest] != 47 and data[rest] != 63:
        if data[rest] == 64:
            start = rest + 1
            other_form = False
        elif data[rest] >= 128 or data[rest] == 37:
            other_form = True
        rest += 1
    host_end = start
    while host_end < rest and (data[host_end] != 58 or data[start] == 91):
        host_end += 1
    while host_end > start and data[host_end - 1] == 46:
        host_end -= 1
    return start, host_end, rest, end, other_form


@jit
def _keys(data, host, host_end, rest, end, kinds, whole, keys, of_kind, count):  # type: ignore[no-untyped-def]
    """Append the keys to look up for a URL (`whole`: only the ones that an entry itself is stored under)."""
    if kinds & (1 << _DOMAIN) and host_end > host:
        h = np.uint64(_DOMAIN)
        for at in range(host_end - 1, host - 1, -1):
            h = _step(h, _lower(data[at]))
            if at == host or (not whole and data[at - 1] == 46):
                keys[count], of_kind[count] = _mix(h, _DOMAIN), _DOMAIN
                count += 1
    if kinds & (1 << _URL) and host_end > host:
        h = np.uint64(_URL)
        at = host
        if host_end - host > 4 and _lower(data[at]) == _lower(data[at + 1]) == _lower(data[at + 2]) == 119:
            at += 4 if data[at + 3] == 46 else 0
        while at < host_end:
            h = _step(h, _lower(data[at]))
            at += 1
        at = rest
        while whole and end > rest and data[end - 1] == 47:
            end -= 1
        while at <= end:
            border = at == end or data[at] == 47 or data[at] == 63 or data[at] == 38
            if border and (at == end or not whole):
                keys[count], of_kind[count] = _mix(h, _URL), _URL
                count += 1
            if at < end:
                h = _step(h, _lower(data[at]))
            at += 1
    if kinds & (1 << _WORD):
        h = np.uint64(_WORD)
        long = False
        for at in range(host, end + 1):
            if at < end and _is_word(data[at]):
                h = _step(h, _lower(data[at]))
                long = True
            elif long:
                keys[count], of_kind[count] = _mix(h, _WORD), _WORD
                count += 1
                h = np.uint64(_WORD)
                long = False
    return count


@jit
def _entry_keys(data, ends, kind, as_it_is, keys, hosts):  # type: ignore[no-untyped-def]
    """Keys of the lines data[ends[i - 1]:ends[i]]; kind 0 takes what has a path for a URL, else for a domain. Unless
    they are to be taken as they are, lines whose host is in another form get their `hosts` noted instead."""
    line_keys, of_kind = np.empty(3 * READ_BYTES + 8, np.uint64), np.empty(3 * READ_BYTES + 8, np.uint8)
    count = 0
    start = 0
    for line in range(len(ends)):
        end = ends[line]
        first = start
        while first < end and data[first] <= 32:
            first += 1
        if first < end and data[first] != 35:  # not a comment
            host, host_end, rest, last, other_form = _parts(data, start, end)
            this = kind
            if kind == 0:
                border = last
                while border > rest and data[border - 1] == 47:
                    border -= 1
                this = _URL if border > rest else _DOMAIN
            found = 0
            if other_form and this != _WORD and not as_it_is:
                hosts[line, 0], hosts[line, 1] = host, host_end
            else:
                found = _keys(data, host, host_end, rest, last, 1 << this, True, line_keys, of_kind, 0)
            if found == 1:  # a line of several words is no entry
                keys[2 * count] = line_keys[0]
                keys[2 * count + 1] = np.uint64(this)
                count += 1
        start = end
    return count


@jit
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


@jit
def _lookup(data, offsets, slots, kinds, as_it_is, blocked, hosts):  # type: ignore[no-untyped-def]
    """What blocks each URL; unless they are to be taken as they are, those whose host is in another form are looked up
    for words only and get their `hosts` noted."""
    room = _WAITING + 3 * READ_BYTES + 8
    keys, of_kind, rows = np.empty(room, np.uint64), np.empty(room, np.uint8), np.empty(room, np.int64)
    mask = np.uint64(len(slots) - 1)
    slots_at = pointer(slots)
    count, done = 0, 0
    for row in range(len(offsets) - 1):
        host, host_end, rest, end, other_form = _parts(data, offsets[row], offsets[row + 1])
        looked_for = kinds
        if other_form and not as_it_is:
            hosts[row, 0], hosts[row, 1] = host, host_end
            looked_for = kinds & (1 << _WORD)
        count = _keys(data, host, host_end, rest, end, looked_for, False, keys, of_kind, count)
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
    ends.flags.writeable = False
    number = 0 if kind is None else KINDS.index(kind) + 1
    keys, hosts = np.empty(2 * len(ends), np.uint64), np.zeros((len(ends), 2), np.int64)
    count = _entry_keys(data, ends, number, False, keys, hosts)
    others = np.flatnonzero(hosts[:, 1])
    if len(others):
        data, offsets = _with_ascii_hosts(data, hosts[others], ends[others])
        count += _entry_keys(data, offsets[1:], number, True, keys[2 * count :], hosts[: len(others)])
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
    if len(blocked) == 0:  # arrays without rows are writable: kernels would be compiled anew for them
        return blocked
    _lookup(data, offsets, table.slots, table.kinds, False, blocked, hosts)
    others = np.flatnonzero(hosts[:, 1])
    if len(others):
        data, offsets = _with_ascii_hosts(data, hosts[others], offsets[others + 1])
        found = np.zeros(len(others), np.uint8)
        _lookup(data, offsets, table.slots, table.kinds & ~(1 << _WORD), True, found, hosts[: len(others)])
        blocked[others] = np.where(found, found, blocked[others])  # domains and URLs come before words
    return blocked


def ascii_host(host: bytes) -> bytes:
    """A host as it is looked up in the domain name system: without percent-encoding (RFC 3986, 3.2.2), composed and in
    lower case, each label that isn't ASCII in Punycode (RFC 3492). Unlike UTS 46, which browsers follow, it refuses
    nothing: what can't be a host stays as it is."""
    try:
        text = unicodedata.normalize("NFKC", unquote_to_bytes(host).decode())
    except UnicodeDecodeError:
        return host
    # letter by letter: lower() of a text has an own form for a sigma at the end of a word
    text = unicodedata.normalize("NFKC", "".join(map(str.lower, text))).replace("\u3002", ".")
    labels = text.split(".")
    if max(map(len, labels)) > _LABEL:
        return host
    made = ".".join(x if x.isascii() else f"xn--{x.encode('punycode').decode()}" for x in labels).encode()
    return host if _NOT_IN_HOSTS.search(made) else made


def _with_ascii_hosts(data: Bytes, hosts: Offsets, ends: Iterable[int]) -> tuple[Bytes, Offsets]:
    """URLs from their hosts data[hosts[i, 0]:hosts[i, 1]] on, these as `ascii_host` has them."""
    urls = [
        b"//" + ascii_host(data[start:after].tobytes()) + data[after : min(end, start + READ_BYTES)].tobytes()
        for (start, after), end in zip(hosts.tolist(), ends, strict=True)
    ]
    return text_buffers(pa.array(urls, pa.large_binary()))
