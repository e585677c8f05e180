"""What in a page's markup makes parsers slow: counted in one pass over its bytes, before any tree is made.

A parser that follows the HTML standard takes time and memory that grow with the square of

    attributes of one tag          each is compared with those before it (13.2.5.33, duplicate attributes)
    open formatting elements       each new paragraph opens all of them again (13.2.4.3, the list of active formatting
                                   elements); 5,000 `<b id=...><p>`, 70 kB, took 9 s and 4.9 GB with Resiliparse 2.0
    depth                          finding the main content walks up from every element

The scan knows tags, quoted attribute values, comments, and the raw text of script, style, textarea, title, xmp; it
doesn't follow the standard's tree. Its counts are upper bounds of what a parser meets, good enough to refuse a page.
"""

from typing import NamedTuple

import numpy as np

from dspipe.kernels.arrow import Bytes
from dspipe.kernels.html.lookup import add_letter, is_letter, is_space, name_key
from dspipe.kernels.jit import entry, inline

_FORMATTING = ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
_VOID = ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
# elements whose end tag is often left out (13.1.2.4)
_IMPLIED = ("p", "li", "dt", "dd", "option", "optgroup", "tr", "td", "th", "thead", "tbody", "tfoot", "colgroup")
_RAW = ("script", "style", "textarea", "title", "xmp")


FORMATTING = np.array([name_key(name) for name in _FORMATTING], np.uint64)
UNNESTED = np.array([name_key(name) for name in (*_VOID, *_IMPLIED)], np.uint64)
RAW = np.array([name_key(name) for name in _RAW], np.uint64)


class MarkupCounts(NamedTuple):
    """The largest number of attributes in one tag, of formatting elements open at once, and of elements open at once
    (of those that need an end tag)."""

    attributes: int
    formatting: int
    depth: int


@inline
def _contains(keys, key):  # type: ignore[no-untyped-def]
    for i in range(len(keys)):  # noqa: SIM110  numba has no any()
        if keys[i] == key:
            return True
    return False


@entry()
def _scan(data, formatting_keys, unnested_keys, raw_keys):  # type: ignore[no-untyped-def]
    n = len(data)
    max_attributes, max_formatting, max_depth = 0, 0, 0
    formatting, depth = 0, 0
    i = 0
    while i < n:
        if data[i] != 60 or i + 1 >= n:
            i += 1
            continue
        if data[i + 1] == 33 and i + 3 < n and data[i + 2] == 45 and data[i + 3] == 45:  # <!--
            i += 4
            while i + 2 < n and not (data[i] == 45 and data[i + 1] == 45 and data[i + 2] == 62):
                i += 1
            i += 3
            continue
        end_tag = data[i + 1] == 47
        start = i + 2 if end_tag else i + 1
        if start >= n or not is_letter(data[start]):
            i += 1
            continue
        key = np.uint64(0)
        j = start
        while j < n and not is_space(data[j]) and data[j] != 47 and data[j] != 62:
            key = add_letter(key, data[j])
            j += 1
        attributes = 0
        # attributes: names, and values that may be quoted; a tag ends at the first > outside of quotes
        while j < n and data[j] != 62:
            if is_space(data[j]) or data[j] == 47:
                j += 1
                continue
            attributes += 1
            while j < n and not is_space(data[j]) and data[j] != 61 and data[j] != 62 and data[j] != 47:
                j += 1
            k = j
            while k < n and is_space(data[k]):
                k += 1
            if k < n and data[k] == 61:
                k += 1
                while k < n and is_space(data[k]):
                    k += 1
                if k < n and (data[k] == 34 or data[k] == 39):
                    quote = data[k]
                    k += 1
                    while k < n and data[k] != quote:
                        k += 1
                    k += 1
                else:
                    while k < n and not is_space(data[k]) and data[k] != 62:
                        k += 1
                j = k
        i = j + 1
        max_attributes = max(max_attributes, attributes)
        if _contains(formatting_keys, key):
            formatting = max(0, formatting + (-1 if end_tag else 1))
            max_formatting = max(max_formatting, formatting)
        if not _contains(unnested_keys, key):
            depth = max(0, depth + (-1 if end_tag else 1))
            max_depth = max(max_depth, depth)
        if not end_tag and _contains(raw_keys, key):
            # until the end tag of that name
            while i < n:
                if data[i] == 60 and i + 1 < n and data[i + 1] == 47:
                    found = np.uint64(0)
                    j = i + 2
                    while j < n and is_letter(data[j]):
                        found = add_letter(found, data[j])
                        j += 1
                    if found == key:
                        break
                i += 1
    return max_attributes, max_formatting, max_depth


def scan_markup(data: Bytes) -> MarkupCounts:
    """The counts of a page, from its bytes in any encoding that holds ASCII: linear time, no memory."""
    return MarkupCounts(*_scan(data, FORMATTING, UNNESTED, RAW))
