"""What a page says of itself: its language, canonical address, date and type, in the bytes of its head and scripts.

A date is taken from the best of: the time of publishing in Open Graph or schema.org (of `meta`, `time` or JSON-LD),
other names of `meta` in use, the first `time` with a date.
"""

import numpy as np

from dspipe.kernels.html.attributes import CONTENT, DATETIME, HREF, ITEMPROP, NAME, PROPERTY, REL, is_value
from dspipe.kernels.html.lookup import add_letter, find, make_lookup, name_key
from dspipe.kernels.html.page_arrays import CANONICAL, DATE, DATE_RANK, SHARED_TITLE
from dspipe.kernels.html.tags import TYPES
from dspipe.kernels.jit import inline, jit

_PUBLISHED, _OTHER, _TIME = 3, 2, 1
_SHARED_TITLE = 9
_META = make_lookup(
    (name_key(name), value)
    for name, value in {
        "og:title": _SHARED_TITLE,
        **dict.fromkeys(("article:published_time", "og:published_time", "datepublished"), _PUBLISHED),
        **dict.fromkeys(
            (
                "date",
                "pubdate",
                "publishdate",
                "publish-date",
                "dc.date",
                "dc.date.issued",
                "dcterms.date",
                "sailthru.date",
                "parsely-pub-date",
                "article.published",
                "citation_date",
                "citation_publication_date",
            ),
            _OTHER,
        ),
    }.items()
)
_META_KEYS, _META_VALUES = _META.keys, _META.values
_TYPE_KEYS, _TYPE_NUMBERS = TYPES.keys, TYPES.values
_CANONICAL, _DATE_PUBLISHED = np.frombuffer(b"canonical", np.uint8), np.frombuffer(b"datepublished", np.uint8)
_AT_TYPE = np.frombuffer(b'"@type"', np.uint8)
_JSON_DATE = np.frombuffer(b'"datepublished"', np.uint8)
_MOST_STRINGS = 4


@jit
def read_meta(seen, data, values, spans, counts):  # type: ignore[no-untyped-def]
    """Note what a meta element says. `seen` and `values` are those of attributes.read_attributes."""
    if not seen & (1 << CONTENT) or values[CONTENT, 0] == values[CONTENT, 1]:
        return
    for attribute in (PROPERTY, NAME, ITEMPROP):
        if not seen & (1 << attribute):
            continue
        key = np.uint64(0)
        for k in range(values[attribute, 0], values[attribute, 1]):
            key = add_letter(key, data[k])
        what = find(_META_KEYS, _META_VALUES, key)
        if what == _SHARED_TITLE:
            if spans[SHARED_TITLE, 0] < 0:
                spans[SHARED_TITLE] = values[CONTENT]
        elif what > 0:
            _note_date(what, values[CONTENT, 0], values[CONTENT, 1], spans, counts)


@jit
def read_link(seen, data, values, spans):  # type: ignore[no-untyped-def]
    """Note the address that a link element names as the page's own."""
    wanted = seen & (1 << REL) and seen & (1 << HREF) and spans[CANONICAL, 0] < 0
    if wanted and is_value(data, values[REL, 0], values[REL, 1], _CANONICAL):
        spans[CANONICAL] = values[HREF]


@jit
def read_time(seen, data, values, spans, counts):  # type: ignore[no-untyped-def]
    """Note the date of a time element."""
    if seen & (1 << DATETIME) and values[DATETIME, 1] > values[DATETIME, 0]:
        published = seen & (1 << ITEMPROP) and is_value(data, values[ITEMPROP, 0], values[ITEMPROP, 1], _DATE_PUBLISHED)
        _note_date(_PUBLISHED if published else _TIME, values[DATETIME, 0], values[DATETIME, 1], spans, counts)


@inline
def _note_date(rank, first, last, spans, counts):  # type: ignore[no-untyped-def]
    if rank > counts[DATE_RANK]:
        counts[DATE_RANK] = rank
        spans[DATE, 0], spans[DATE, 1] = first, last


@jit
def read_script_facts(data, i, end, spans, counts, types):  # type: ignore[no-untyped-def]
    """Count the types that JSON-LD in data[i:end] names, and note the date of publishing."""
    while i < end:
        if data[i] != 34:
            i += 1
            continue
        if is_value(data, i, end, _AT_TYPE):
            i = _count_types(data, i + len(_AT_TYPE), end, types)
        elif is_value(data, i, end, _JSON_DATE):
            first, last = _string(data, i + len(_JSON_DATE), end)
            if last > first:
                _note_date(_PUBLISHED, first, last, spans, counts)
            i = last + 1
        else:
            i += 1


@inline
def _count_types(data, i, end, types):  # type: ignore[no-untyped-def]
    """The type behind `"@type"`, or the types in a list."""
    for _ in range(_MOST_STRINGS):
        first, last = _string(data, i, end)
        if last <= first:
            return last
        key = np.uint64(0)
        for k in range(first, last):
            key = add_letter(key, data[k])
        number = find(_TYPE_KEYS, _TYPE_NUMBERS, key)
        if number >= 0:
            types[number] += 1
        i = last + 1
    return i


@inline
def _string(data, i, end):  # type: ignore[no-untyped-def]
    """Where the string that comes next begins and ends; nothing where anything but `: [ ,` is before it."""
    while i < end and (data[i] <= 32 or data[i] == 58 or data[i] == 91 or data[i] == 44):
        i += 1
    if i >= end or data[i] != 34:
        return i, i
    first = i + 1
    last = first
    while last < end and data[last] != 34:
        last += 1
    return first, last
