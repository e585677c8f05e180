"""The attributes of one start tag: what they say of the text in the element, and where the values stand that matter.

The words of class, id and data-testid are cut at everything that is no letter, and before a capital that follows a
small letter: `post-body`, `postBody` and `post_body` are the words `post` and `body`. Only their keys are kept.
"""

import numpy as np

from dspipe.kernels.html.lookup import add_letter, find, is_letter, is_space, lower, make_lookup, name_key
from dspipe.kernels.html.tags import HIDDEN, ITEM_PROPERTIES, ROLES, SCREEN_READER_CLASSES
from dspipe.kernels.jit import inline, jit

_LISTED = (
    "class id data-testid role itemprop hidden aria-hidden style type encoding alttext alt content name property rel "
    "href lang datetime start"
)
_NAMES = _LISTED.split()
ATTRIBUTES = make_lookup((name_key(name), number) for number, name in enumerate(_NAMES))
(CLASS, ID, TEST_ID, ROLE, ITEMPROP, HIDDEN_ATTRIBUTE, ARIA_HIDDEN, STYLE, TYPE, ENCODING, ALTTEXT, ALT) = range(12)
CONTENT, NAME, PROPERTY, REL, HREF, LANG, DATETIME, START = range(12, len(_NAMES))
ATTRIBUTE_COUNT = len(_NAMES)
WORDS_OF_AN_ATTRIBUTE = 24
"""Of a longer class only the first words are kept."""

_KEYS, _NUMBERS = ATTRIBUTES.keys, ATTRIBUTES.values
_ROLE_KEYS, _ROLE_FLAGS = ROLES.keys, ROLES.values
_PROPERTY_KEYS, _PROPERTY_FLAGS = ITEM_PROPERTIES.keys, ITEM_PROPERTIES.values
_UNSEEN_KEYS, _UNSEEN_FLAGS = SCREEN_READER_CLASSES.keys, SCREEN_READER_CLASSES.values
_DISPLAY, _NONE = np.frombuffer(b"display", np.uint8), np.frombuffer(b"none", np.uint8)
_TRUE = np.frombuffer(b"true", np.uint8)


@jit
def read_attributes(data, i, end, words, count, spans):  # type: ignore[no-untyped-def]
    """Read the attributes from data[i], behind a tag's name, to the `>` that ends it.

    Returns (where the next text begins, words, count, path flags, key of the classes, which attributes are there as
    bits, whether it ends with `/>`). `words` (uint64) may be a longer copy; spans[a] (int64[attributes, 2]) is where
    the value of attribute a stands, the first of a name.
    """
    flags, classes, seen, closed = np.int64(0), np.uint64(0), np.int64(0), False
    while i < end and data[i] != 62:
        if is_space(data[i]) or data[i] == 47:
            closed = data[i] == 47
            i += 1
            continue
        closed = False
        key, start = np.uint64(0), i
        while i < end and data[i] != 62 and data[i] != 47 and not is_space(data[i]) and (data[i] != 61 or i == start):
            key = add_letter(key, data[i])
            i += 1
        i, first, last = read_value(data, i, end)
        attribute = find(_KEYS, _NUMBERS, key)
        if attribute < 0 or seen & (1 << attribute):
            continue
        seen |= 1 << attribute
        spans[attribute, 0], spans[attribute, 1] = first, last
        if attribute <= TEST_ID:
            if count + WORDS_OF_AN_ATTRIBUTE > len(words):
                longer = np.empty(2 * len(words), np.uint64)
                longer[:count] = words[:count]
                words = longer
            begin = count
            count = _add_words(data, first, last, words, count)
            if attribute == CLASS:
                for k in range(begin, count):
                    classes = (classes ^ words[k]) * np.uint64(0x9E3779B97F4A7C15)
                    flags |= max(find(_UNSEEN_KEYS, _UNSEEN_FLAGS, words[k]), 0)
        elif attribute == ROLE:
            flags |= _flags_of_words(data, first, last, _ROLE_KEYS, _ROLE_FLAGS)
        elif attribute == ITEMPROP:
            flags |= _flags_of_words(data, first, last, _PROPERTY_KEYS, _PROPERTY_FLAGS)
        elif (
            attribute == HIDDEN_ATTRIBUTE
            or (attribute == ARIA_HIDDEN and is_value(data, first, last, _TRUE))
            or (attribute == STYLE and _is_not_displayed(data, first, last))
        ):
            flags |= HIDDEN
    return min(i + 1, end), words, count, flags, classes, seen, closed


@inline
def read_value(data, i, end):  # type: ignore[no-untyped-def]
    """The end of an attribute whose name ends at data[i], and where its value begins and ends: i, where it has none."""
    j = i
    while j < end and is_space(data[j]):
        j += 1
    if j >= end or data[j] != 61:
        return i, i, i
    j += 1
    while j < end and is_space(data[j]):
        j += 1
    first = j
    if j < end and (data[j] == 34 or data[j] == 39):
        first = j + 1
        quote = data[j]
        j += 1
        while j < end and data[j] != quote:
            j += 1
        return min(j + 1, end), first, j
    while j < end and data[j] != 62 and not is_space(data[j]):
        j += 1
    return j, first, j


@jit
def _add_words(data, i, end, words, count):  # type: ignore[no-untyped-def]
    most = count + WORDS_OF_AN_ATTRIBUTE
    while i < end and count < most:
        if not is_letter(data[i]):
            i += 1
            continue
        key, start, small = np.uint64(0), i, False
        while i < end and is_letter(data[i]) and not (small and data[i] < 97):
            small = data[i] >= 97
            key = add_letter(key, data[i])
            i += 1
        if i - start >= 2:
            words[count] = key
            count += 1
    return count


@jit
def _flags_of_words(data, i, end, keys, values):  # type: ignore[no-untyped-def]
    flags = np.int64(0)
    while i < end:
        key = np.uint64(0)
        while i < end and is_letter(data[i]):
            key = add_letter(key, data[i])
            i += 1
        flags |= max(find(keys, values, key), 0)
        i += 1
    return flags


@jit
def is_value(data, i, end, value):  # type: ignore[no-untyped-def]
    """Whether data[i:end] begins with a value (lower case, uint8[:]) in any case."""
    if end - i < len(value):
        return False
    for k in range(len(value)):  # noqa: SIM110  numba has no all()
        if lower(data[i + k]) != value[k]:
            return False
    return True


@jit
def find_value(data, i, end, value):  # type: ignore[no-untyped-def]
    """Where a value (lower case, uint8[:]) stands in data[i:end], in any case; -1 where it doesn't."""
    while i + len(value) <= end:
        if lower(data[i]) == value[0] and is_value(data, i, end, value):
            return i
        i += 1
    return -1


@inline
def _is_not_displayed(data, i, end):  # type: ignore[no-untyped-def]
    found = find_value(data, i, end, _DISPLAY)
    if found < 0:
        return False
    i = found + len(_DISPLAY)
    while i < end and (is_space(data[i]) or data[i] == 58):
        i += 1
    return is_value(data, i, end, _NONE)
