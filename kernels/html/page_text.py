"""The text between tags, as it is shown: white space, character references, and where blocks of text begin."""

import numpy as np

from dspipe.kernels.html.entities import put_character, read_entity
from dspipe.kernels.html.open_elements import (
    BLOCK_OPEN,
    BLOCKS,
    LINK_DEPTH,
    OPEN,
    OUT,
    PENDING_INDENT,
    PENDING_LINES,
    PENDING_SPACE,
    PENDING_TABS,
    PRE_DEPTH,
    SEEN_FIELDS,
    SEEN_IMAGES,
    SEEN_RULES,
)
from dspipe.kernels.html.page_arrays import (
    CHARACTERS,
    ELEMENT,
    FIELDS,
    IMAGES,
    INNERMOST,
    IS_BLOCK,
    LINKED,
    PARENT,
    RULES,
    START,
)
from dspipe.kernels.jit import inline, jit

_NO_BREAK_SPACE = 0xA0
_MORE_OF_HAN = 2
"""A Han character or kana says what three letters say: text in Chinese or Japanese has a third of the length."""


@jit
def add_text(data, i, end, out, state, stack, elements, blocks):  # type: ignore[no-untyped-def]
    """Add data[i:end], which holds no tags, to the open block of text, or to a new one where it isn't white space.

    White space becomes one space, but in pre, which stays as it is. Soft hyphens, zero-width spaces, byte order marks
    and the wide spaces that indent a Chinese paragraph are left out.
    """
    if state[PRE_DEPTH]:
        _add_preformatted(data, i, end, out, state, stack, elements, blocks)
        return
    at, pending, is_open, count = state[OUT], state[PENDING_SPACE], state[BLOCK_OPEN], np.int64(0)
    while i < end:
        byte = data[i]
        point, i = _read_point(data, i, end)
        if point == 32 or 9 <= point <= 13 or point == _NO_BREAK_SPACE:
            pending = 1
        elif point == 0x200B or point == 0xFEFF or point == 0xAD or point == 0 or (point == 0x3000 and not is_open):
            pass
        else:
            if not is_open:
                state[OUT] = at
                _open_block(state, stack, elements, blocks)
                is_open = 1
            elif pending and out[at - 1] != 10:
                out[at] = 32
                at += 1
            pending = 0
            at, letters = _put_shown(out, at, byte, point)
            count += letters
    state[OUT], state[PENDING_SPACE] = at, pending
    _count(count, state, blocks)


@jit
def _add_preformatted(data, i, end, out, state, stack, elements, blocks):  # type: ignore[no-untyped-def]
    """Lines and indentation as they are; lines without text at the beginning and the end are left out."""
    at, count = state[OUT], np.int64(0)
    while i < end:
        byte = data[i]
        point, i = _read_point(data, i, end)
        if point == 10:
            state[PENDING_LINES] += state[BLOCK_OPEN]
            state[PENDING_TABS] = state[PENDING_INDENT] = 0
        elif point == 13 or point == 0x200B or point == 0xFEFF or point == 0:
            pass
        elif (point == 32 or point == 9 or point == _NO_BREAK_SPACE) and not (
            state[BLOCK_OPEN] and not state[PENDING_LINES]
        ):
            # written when the line has text, which may be in another element: highlighted code is
            state[PENDING_TABS] += point == 9
            state[PENDING_INDENT] += point != 9
        else:
            if not state[BLOCK_OPEN]:
                state[OUT] = at
                _open_block(state, stack, elements, blocks)
            at = _put_pending(PENDING_LINES, 10, state, out, at)
            at = _put_pending(PENDING_TABS, 9, state, out, at)
            at = _put_pending(PENDING_INDENT, 32, state, out, at)
            if point == 9 or point == 32 or point == _NO_BREAK_SPACE:
                out[at] = 9 if point == 9 else 32
                at += 1
                continue
            at, letters = _put_shown(out, at, byte, point)
            count += letters
    state[OUT], state[PENDING_SPACE] = at, 0
    _count(count, state, blocks)


@inline
def _put_shown(out, at, byte, point):  # type: ignore[no-untyped-def]
    """Write a character, or the byte of one where there is no `point`: where the next goes, and how many letters the
    character is worth."""
    if point < 0:
        out[at] = byte
        return at + 1, (byte >= 0xC0) + _MORE_OF_HAN * (0xE3 <= byte <= 0xE9)
    return put_character(out, at, point), 1


@inline
def _put_pending(what, byte, state, out, at):  # type: ignore[no-untyped-def]
    for _ in range(state[what]):
        out[at] = byte
        at += 1
    state[what] = 0
    return at


@jit
def add_formula(data, i, end, display, out, state, stack, elements, blocks):  # type: ignore[no-untyped-def]
    """Add TeX between dollars, two on each side where it stands on a line of its own."""
    while i < end and data[i] <= 32:
        i += 1
    while i < end and data[end - 1] <= 32:
        end -= 1
    if i == end:
        return
    if not state[BLOCK_OPEN]:
        _open_block(state, stack, elements, blocks)
    elif state[PENDING_SPACE] and out[state[OUT] - 1] != 10:
        out[state[OUT]] = 32
        state[OUT] += 1
    dollars = 2 if display else 1
    for _ in range(dollars):
        out[state[OUT]] = 36
        state[OUT] += 1
    state[PENDING_SPACE] = 0
    pre = state[PRE_DEPTH]
    state[PRE_DEPTH] = 0
    add_text(data, i, end, out, state, stack, elements, blocks)
    state[PRE_DEPTH] = pre
    for _ in range(dollars):
        out[state[OUT]] = 36
        state[OUT] += 1
    state[PENDING_SPACE] = 0


@inline
def _read_point(data, i, end):  # type: ignore[no-untyped-def]
    """The code point at data[i] where it needs looking at, -1 for a byte to copy; and where the next one begins."""
    byte = data[i]
    if byte == 38:
        point, behind = read_entity(data, i, end)
        if point >= 0:
            return point, behind
        return np.int64(38), i + 1
    if byte < 128:
        return np.int64(byte), i + 1
    if byte == 0xC2 and i + 1 < end and (data[i + 1] == 0xA0 or data[i + 1] == 0xAD):
        return np.int64(data[i + 1]), i + 2
    if byte == 0xE2 and i + 2 < end and data[i + 1] == 0x80 and data[i + 2] == 0x8B:
        return np.int64(0x200B), i + 3
    if byte == 0xE3 and i + 2 < end and data[i + 1] == 0x80 and data[i + 2] == 0x80:
        return np.int64(0x3000), i + 3
    if byte == 0xEF and i + 2 < end and data[i + 1] == 0xBB and data[i + 2] == 0xBF:
        return np.int64(0xFEFF), i + 3
    return np.int64(-1), i + 1


@inline
def _open_block(state, stack, elements, blocks):  # type: ignore[no-untyped-def]
    row = blocks[state[BLOCKS]]
    row[:] = 0
    innermost = stack[state[OPEN] - 1]
    element = innermost
    while not elements[element, IS_BLOCK] and elements[element, PARENT] >= 0:
        element = np.int64(elements[element, PARENT])
    row[START], row[ELEMENT], row[INNERMOST] = state[OUT], element, innermost
    row[IMAGES], row[FIELDS], row[RULES] = state[SEEN_IMAGES], state[SEEN_FIELDS], state[SEEN_RULES]
    state[SEEN_IMAGES] = state[SEEN_FIELDS] = state[SEEN_RULES] = 0
    state[BLOCK_OPEN], state[PENDING_SPACE], state[PENDING_LINES] = 1, 0, 0


@inline
def _count(count, state, blocks):  # type: ignore[no-untyped-def]
    if count:
        blocks[state[BLOCKS], CHARACTERS] += count
        if state[LINK_DEPTH]:
            blocks[state[BLOCKS], LINKED] += count
