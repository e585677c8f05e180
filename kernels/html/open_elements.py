"""The stack of open elements: which a start tag or an end tag closes.

Source: HTML Living Standard, sections 13.1.2.4 (optional tags) and 13.2.6.4 (tree construction), as far as they decide
where text stands. Not followed: foster parenting out of tables, and the adoption agency for misnested formatting, which
move elements but hardly text.
"""

import numpy as np

from dspipe.kernels.html import tags
from dspipe.kernels.html.page_arrays import END, IS_BLOCK, NAME, TAG
from dspipe.kernels.jit import inline, jit

# the state of a scan, int64
(OUT, BLOCKS, ELEMENTS, OPEN, BLOCK_OPEN, LINK_DEPTH, PRE_DEPTH, UNSEEN_FROM, PENDING_SPACE, PENDING_LINES) = range(10)
SEEN_IMAGES, SEEN_FIELDS, SEEN_RULES, WORD_COUNT, MATH_DEPTH, MATH_OUT, MATH_CHARACTERS, MATH_SPACE = range(10, 18)
MATH_FROM, MATH_BLOCK, PENDING_TABS, PENDING_INDENT = range(18, 22)
STATES = 22

_A, _ADDRESS, _BUTTON, _CAPTION, _DD, _DIV, _DT = (
    tags.A,
    tags.ADDRESS,
    tags.BUTTON,
    tags.CAPTION,
    tags.DD,
    tags.DIV,
    tags.DT,
)
_H1, _H6, _HEAD, _LI, _P, _PRE, _TABLE = tags.H1, tags.H6, tags.HEAD, tags.LI, tags.P, tags.PRE, tags.TABLE
_TBODY, _TD, _TFOOT, _TH, _THEAD, _TR = tags.TBODY, tags.TD, tags.TFOOT, tags.TH, tags.THEAD, tags.TR
_BODY, _ENDS_PARAGRAPH = tags.BODY, tags.ENDS_PARAGRAPH


@inline
def end_block(state, blocks, out):  # type: ignore[no-untyped-def]
    """End the open block of text, if any, before the line breaks and spaces that are last in it."""
    if state[BLOCK_OPEN]:
        while out[state[OUT] - 1] == 10 or out[state[OUT] - 1] == 32:
            state[OUT] -= 1
        blocks[state[BLOCKS], END] = state[OUT]
        state[BLOCKS] += 1
        state[BLOCK_OPEN] = 0


@jit
def close_to(depth, state, stack, elements, blocks, out):  # type: ignore[no-untyped-def]
    """Close the open elements from stack[depth] on."""
    while state[OPEN] > depth:
        state[OPEN] -= 1
        element = stack[state[OPEN]]
        if elements[element, TAG] == _A and state[LINK_DEPTH]:
            state[LINK_DEPTH] -= 1
        if elements[element, TAG] == _PRE and state[PRE_DEPTH]:
            state[PRE_DEPTH] -= 1
        if elements[element, IS_BLOCK]:
            end_block(state, blocks, out)
    if state[UNSEEN_FROM] > state[OPEN]:
        state[UNSEEN_FROM] = 0
    if state[MATH_DEPTH] > state[OPEN]:
        state[MATH_DEPTH] = 0


@jit
def opened_by_end_tag(tag, name, is_block, state, stack, elements):  # type: ignore[no-untyped-def]
    """The place on the stack of what an end tag closes; 0 where there is nothing.

    The end tag of an inline element never closes a block, and none but those of tables leaves a cell.
    """
    of_table = tag in (_TABLE, _TR) or _is_cell(tag) or _is_part(tag)
    at = state[OPEN] - 1
    while at > 0:
        other = elements[stack[at], TAG]
        if other == tag and (tag != 0 or elements[stack[at], NAME] == name):
            return at
        if not is_block and tag != 0 and elements[stack[at], IS_BLOCK]:
            return np.int64(0)
        if other == _TABLE or (not of_table and (_is_cell(other) or other == _CAPTION)):
            return np.int64(0)
        at -= 1
    return np.int64(0)


@jit
def closed_by_start_tag(tag, kind, is_block, state, stack, elements):  # type: ignore[no-untyped-def]
    """The place on the stack from which a start tag closes what is open; 0 where it closes nothing."""
    top = state[OPEN] - 1
    found = np.int64(0)
    if kind & _ENDS_PARAGRAPH:
        found = _open_paragraph(top, stack, elements)
    if _H1 <= tag <= _H6 and _H1 <= elements[stack[top], TAG] <= _H6:
        found = top
    if tag == _LI:
        item = _open_item(top, _LI, _LI, stack, elements)
        found = item if item else found
    elif tag in (_DT, _DD):
        item = _open_item(top, _DT, _DD, stack, elements)
        found = item if item else found
    elif tag == _TR or _is_cell(tag) or _is_part(tag):
        found = _open_table_part(tag, top, stack, elements)
    elif tag == _A and state[LINK_DEPTH]:
        at = top
        while at > 0 and elements[stack[at], TAG] != _A and not elements[stack[at], IS_BLOCK]:
            at -= 1
        if elements[stack[at], TAG] == _A:
            found = at
        else:
            state[LINK_DEPTH] = 0
    elif (tag == _BODY or is_block) and state[UNSEEN_FROM]:
        # what doesn't belong into the head ends it
        at = state[UNSEEN_FROM] - 1
        if elements[stack[at], TAG] == _HEAD:
            found = at
    return found


@inline
def _is_cell(tag):  # type: ignore[no-untyped-def]
    return tag in (_TD, _TH)


@inline
def _is_part(tag):  # type: ignore[no-untyped-def]
    return tag in (_TBODY, _THEAD, _TFOOT)


@inline
def _open_paragraph(at, stack, elements):  # type: ignore[no-untyped-def]
    while at > 0:
        tag = elements[stack[at], TAG]
        if tag == _P:
            return at
        if tag in (_TABLE, _BUTTON, _CAPTION, _LI, _DIV) or _is_cell(tag):
            break
        at -= 1
    return np.int64(0)


@inline
def _open_item(at, first, second, stack, elements):  # type: ignore[no-untyped-def]
    while at > 0:
        tag = elements[stack[at], TAG]
        if tag in (first, second):
            return at
        if elements[stack[at], IS_BLOCK] and tag != _DIV and tag != _P and tag != _ADDRESS:
            break
        at -= 1
    return np.int64(0)


@inline
def _open_table_part(tag, at, stack, elements):  # type: ignore[no-untyped-def]
    found = np.int64(0)
    while at > 0:
        other = elements[stack[at], TAG]
        if other == _TABLE:
            break
        if (
            _is_cell(other)
            or other == _CAPTION
            or (other == _TR and not _is_cell(tag))
            or (_is_part(other) and _is_part(tag))
        ):
            found = at
        at -= 1
    return found
