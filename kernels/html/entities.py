"""Character references: `&amp;`, `&#228;`, `&#xe4;`, and those that HTML reads without a semicolon.

Source: HTML Living Standard, sections 13.2.5.72 to 13.2.5.80 and 13.5. The few names of two code points, and names of
more than 32 letters, are left as they are written.
"""

import html.entities

import numpy as np

from dspipe.kernels.html.lookup import find, is_alphanumeric, lower, make_lookup, name_key
from dspipe.kernels.jit import inline, jit

_LONGEST, _LONGEST_BARE = 32, 6
_BARE = 1 << 24
"""set in the value of a name that needs no semicolon"""
_REPLACEMENT = 0xFFFD
# what 128 to 159 stand for: windows-1252 (13.2.5.80)
# five of the bytes have no sign in it and stay what they are
_WINDOWS_1252 = np.array(
    [b if b in b"\x81\x8d\x8f\x90\x9d" else ord(bytes([b]).decode("cp1252")) for b in range(128, 160)], np.int32
)


def _names() -> dict[int, int]:
    single = {name: text for name, text in html.entities.html5.items() if len(text) == 1}
    bare = {name for name in single if not name.endswith(";")}
    names = {name.rstrip(";"): ord(text) for name, text in single.items() if len(name) <= _LONGEST}
    return {name_key(name): point | (_BARE if name in bare else 0) for name, point in names.items()}


_ENTITIES = make_lookup(_names().items())
_KEYS, _VALUES = _ENTITIES.keys, _ENTITIES.values


@jit
def read_entity(data, i, end):  # type: ignore[no-untyped-def]
    """The code point and the end of the character reference at data[i], an ampersand; (-1, i) where it is none."""
    j = i + 1
    if j < end and data[j] == 35:
        return _read_number(data, i, end)
    key, bare, bare_end = np.uint64(0), np.int64(-1), i
    while j < end and j - i <= _LONGEST and is_alphanumeric(data[j]):
        key = key * np.uint64(131) + np.uint64(data[j])
        j += 1
        if 2 <= j - i - 1 <= _LONGEST_BARE:
            value = find(_KEYS, _VALUES, key)
            if value >= _BARE:
                bare, bare_end = value & (_BARE - 1), j
    if j < end and data[j] == 59 and j - i >= 3:
        value = find(_KEYS, _VALUES, key)
        if value >= 0:
            return value & (_BARE - 1), j + 1
    return bare, bare_end


@inline
def _read_number(data, i, end):  # type: ignore[no-untyped-def]
    j, value, digits = i + 2, 0, 0
    if j < end and lower(data[j]) == 120:
        j += 1
        while j < end:
            byte = int(lower(data[j]))
            if 48 <= byte <= 57:
                digit = byte - 48
            elif 97 <= byte <= 102:
                digit = byte - 87
            else:
                break
            value = min(value * 16 + digit, 0x110000)
            j, digits = j + 1, digits + 1
    else:
        while j < end and 48 <= data[j] <= 57:
            value = min(value * 10 + int(data[j]) - 48, 0x110000)
            j, digits = j + 1, digits + 1
    if not digits:
        return np.int64(-1), i
    if j < end and data[j] == 59:
        j += 1
    if 128 <= value < 160:
        value = int(_WINDOWS_1252[value - 128])
    if value == 0 or value > 0x10FFFF or 0xD800 <= value < 0xE000:
        value = _REPLACEMENT
    return np.int64(value), j


@inline
def put_character(out, at, point):  # type: ignore[no-untyped-def]
    """Write a code point as UTF-8 at out[at]; where the next one goes."""
    if point < 0x80:
        out[at] = point
        return at + 1
    if point < 0x800:
        out[at] = 0xC0 | (point >> 6)
        out[at + 1] = 0x80 | (point & 63)
        return at + 2
    if point < 0x10000:
        out[at] = 0xE0 | (point >> 12)
        out[at + 1] = 0x80 | ((point >> 6) & 63)
        out[at + 2] = 0x80 | (point & 63)
        return at + 3
    out[at] = 0xF0 | (point >> 18)
    out[at + 1] = 0x80 | ((point >> 12) & 63)
    out[at + 2] = 0x80 | ((point >> 6) & 63)
    out[at + 3] = 0x80 | (point & 63)
    return at + 4
