"""What is looked up of a URL in block lists: keys for its host and parents, its parts, its words.

What is compared, for entries and for documents' URLs alike, after the scheme, user, port, fragment and a trailing dot
of the host are left out and ASCII letters are folded to lower case:

    domains   the host and every parent domain of it: `example.com` blocks `www.example.com`, not `anexample.com`
    urls      the URL without `www.`, and every part of it that ends before a `/`, `?` or `&`: `example.com/a` blocks
              `http://www.example.com/a/b?c`, not `example.com/ab` (squidGuard's meaning, whose lists these are)
    words     runs of ASCII letters and digits, and of other bytes, anywhere in the URL
"""

import numpy as np

from dspipe.kernels.hashing import hash_url_byte, hash_url_key
from dspipe.kernels.jit import inline, jit

KINDS = ("domain", "url", "word")
DOMAIN, URL, WORD = 1, 2, 3
READ_BYTES = 4096
"""of a longer URL only this much is looked at"""
MAX_KEYS = 3 * READ_BYTES + 8
"""keys that a URL may have"""


@inline
def lower(byte):  # type: ignore[no-untyped-def]
    return byte | np.uint8(32) if 65 <= byte <= 90 else byte


@inline
def _is_word(byte):  # type: ignore[no-untyped-def]
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte >= 128


@jit
def url_parts(data, start, end, kinds):  # type: ignore[no-untyped-def]
    """(host start, host end, rest start, end, is the host in another form) of a URL or a list's line in
    data[start:end]. Where only domains are among the `kinds`, the end is not looked for."""
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
    rest = start
    other_form = False
    while rest < end and data[rest] != 47 and data[rest] != 63 and data[rest] != 35:
        if data[rest] == 64:
            start = rest + 1
            other_form = False
        elif data[rest] >= 128 or data[rest] == 37:
            other_form = True
        rest += 1
    if kinds & ~(1 << DOMAIN):
        for at in range(rest, end):
            if data[at] == 35:
                end = at
                break
    host_end = start
    in_brackets = start < rest and data[start] == 91  # an IPv6 address
    while host_end < rest and (data[host_end] != 58 or in_brackets):
        in_brackets = in_brackets and data[host_end] != 93
        host_end += 1
    while host_end > start and data[host_end - 1] == 46:
        host_end -= 1
    return start, host_end, rest, end, other_form


@jit
def url_keys(data, host, host_end, rest, end, kinds, whole, keys, of_kind, count):  # type: ignore[no-untyped-def]
    """Append the keys to look up for a URL (`whole`: only the ones that an entry itself is stored under)."""
    if kinds & (1 << DOMAIN) and host_end > host:
        h = np.uint64(DOMAIN)
        for at in range(host_end - 1, host - 1, -1):
            h = hash_url_byte(h, lower(data[at]))
            if at == host or (not whole and data[at - 1] == 46):
                keys[count], of_kind[count] = hash_url_key(h, DOMAIN), DOMAIN
                count += 1
    if kinds & (1 << URL) and host_end > host:
        h = np.uint64(URL)
        at = host
        if host_end - host > 4 and lower(data[at]) == lower(data[at + 1]) == lower(data[at + 2]) == 119:
            at += 4 if data[at + 3] == 46 else 0
        while at < host_end:
            h = hash_url_byte(h, lower(data[at]))
            at += 1
        at = rest
        while whole and end > rest and data[end - 1] == 47:
            end -= 1
        while at <= end:
            border = at == end or data[at] == 47 or data[at] == 63 or data[at] == 38
            if border and (at == end or not whole):
                keys[count], of_kind[count] = hash_url_key(h, URL), URL
                count += 1
            if at < end:
                h = hash_url_byte(h, lower(data[at]))
            at += 1
    if kinds & (1 << WORD):
        h = np.uint64(WORD)
        long = False
        for at in range(host, end + 1):
            if at < end and _is_word(data[at]):
                h = hash_url_byte(h, lower(data[at]))
                long = True
            elif long:
                keys[count], of_kind[count] = hash_url_key(h, WORD), WORD
                count += 1
                h = np.uint64(WORD)
                long = False
    return count
