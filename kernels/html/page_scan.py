"""A page's bytes to its text, elements and blocks of text, in one pass: a scanner, no tree.

Linear in the page's length: an element's ancestors are looked at for no more than `MOST_DEPTH` steps, attributes are
read once, a comment or script without an end takes the rest of the page, as in browsers. noscript and template are
read (forums, shops and pages that load later carry their whole text there), and what is hidden; flags say so.

Mathematics becomes TeX between dollars: MathML, by its annotation or `alttext` where it has one (else mathml.py), the
scripts of MathJax 2, the alternative texts of pictures of formulas. What KaTeX writes for the eye is left out.
"""

import numpy as np

from dspipe.kernels.arrow import Bytes
from dspipe.kernels.html import attributes as at
from dspipe.kernels.html import open_elements as op
from dspipe.kernels.html import page_arrays as pg
from dspipe.kernels.html import tags as tg
from dspipe.kernels.html.facts import read_link, read_meta, read_script_facts, read_time
from dspipe.kernels.html.lookup import find, is_letter, lower, read_name
from dspipe.kernels.html.mathml import LONGEST, write_tex
from dspipe.kernels.html.open_elements import close_to, closed_by_start_tag, end_block, opened_by_end_tag
from dspipe.kernels.html.page_text import add_formula, add_text
from dspipe.kernels.jit import entry, inline, jit, pointer

_TAG_KEYS, _TAG_NUMBERS = tg.TAGS.keys, tg.TAGS.values
_KINDS, _TAG_FLAGS = tg.KINDS, tg.TAG_FLAGS
_TYPES = len(tg.PAGE_TYPES)
_LONG_NAME = 8
"""An unknown element with a longer name, mostly of a script's own, is a block."""
_TEX, _LATEX, _MATH = (np.frombuffer(word, np.uint8) for word in (b"tex", b"latex", b"math/tex"))
_DISPLAY, _KATEX = np.frombuffer(b"mode=display", np.uint8), np.frombuffer(b"katex-html", np.uint8)
_LD_JSON, _HIDDEN_FIELD = np.frombuffer(b"application/ld+json", np.uint8), np.frombuffer(b"hidden", np.uint8)


class TooManyElementsError(ValueError):
    """A page has more elements or blocks of text than are read."""


def scan_page(page: Bytes) -> pg.PageArrays:
    """The arrays of a page in UTF-8. Raises TooManyElementsError."""
    if len(page) >= 1 << 31:
        raise TooManyElementsError(f"the page has {len(page):,} bytes; pages of 2 GiB and more aren't read")
    arrays = pg.PageArrays(*_scan(page))
    if len(arrays.elements) >= pg.MOST_ELEMENTS or len(arrays.blocks) >= pg.MOST_ELEMENTS:
        raise TooManyElementsError(f"the page has {pg.MOST_ELEMENTS:,} elements or more; such pages aren't read")
    return arrays


@entry()
def _scan(data):  # type: ignore[no-untyped-def]
    # through pointers: indexes of arrays are looked at for being below zero, which takes half of the time
    source, end = pointer(data), np.int64(len(data))
    # a line break is a byte less than its tag, and a formula's dollars are less than what marks it
    text = np.empty(len(data) + 64, np.uint8)
    out = pointer(text)
    elements = np.empty((256, pg.ELEMENT_COLUMNS), np.int32)
    blocks = np.empty((256, pg.BLOCK_COLUMNS), np.int32)
    words = np.empty(4096, np.uint64)
    spans = np.full((pg.SPANS, 2), -1, np.int64)
    counts = np.zeros(pg.COUNTS, np.int64)
    types = np.zeros(_TYPES, np.int64)
    values = np.zeros((at.ATTRIBUTE_COUNT, 2), np.int64)
    stack = np.zeros(pg.MOST_DEPTH + 1, np.int64)
    state = np.zeros(op.STATES, np.int64)
    elements[0] = 0
    elements[0, pg.PARENT] = -1
    state[op.ELEMENTS] = state[op.OPEN] = 1
    i = np.int64(0)
    while i < end and state[op.ELEMENTS] < pg.MOST_ELEMENTS and state[op.BLOCKS] < pg.MOST_ELEMENTS:
        # one step makes one element and one block at most
        if state[op.ELEMENTS] + 1 >= len(elements):
            elements = _longer(elements)
        if state[op.BLOCKS] + 1 >= len(blocks):
            blocks = _longer(blocks)
        if not _begins_markup(source, i, end):
            start = i
            i += 1
            while i < end and source[i] != 60:
                i += 1
            if not state[op.UNSEEN_FROM]:
                add_text(source, start, i, out, state, stack, elements, blocks)
        elif source[i + 1] == 33 or source[i + 1] == 63:
            i = _behind_comment(source, i, end)
        elif source[i + 1] == 47:
            i = _end_tag(source, i, end, out, state, stack, elements, blocks)
        else:
            i, words = _start_tag(
                source, i, end, out, state, stack, elements, blocks, words, spans, counts, types, values
            )
    end_block(state, blocks, out)
    return (
        text[: state[op.OUT]].copy(),
        elements[: state[op.ELEMENTS]],
        blocks[: state[op.BLOCKS]],
        words[: state[op.WORD_COUNT]],
        spans,
        counts,
        types,
    )


@jit
def _longer(rows):  # type: ignore[no-untyped-def]
    longer = np.empty((2 * len(rows), rows.shape[1]), np.int32)
    longer[: len(rows)] = rows
    return longer


@inline
def _begins_markup(data, i, end):  # type: ignore[no-untyped-def]
    if data[i] != 60 or i + 1 >= end:
        return False
    after = data[i + 1]
    return is_letter(after) or after == 47 or after == 33 or after == 63


@inline
def _behind_comment(data, i, end):  # type: ignore[no-untyped-def]
    if i + 3 < end and data[i + 1] == 33 and data[i + 2] == 45 and data[i + 3] == 45:
        j = i + 4
        if j < end and data[j] == 62:
            return j + 1
        while j + 2 < end:
            if data[j] == 45 and data[j + 1] == 45:
                if data[j + 2] == 62:
                    return j + 3
                if data[j + 2] == 33 and j + 3 < end and data[j + 3] == 62:
                    return j + 4
            j += 1
        return end
    return _behind(data, i, end)


@inline
def _behind(data, i, end):  # type: ignore[no-untyped-def]
    while i < end and data[i] != 62:
        i += 1
    return min(i + 1, end)


@jit
def _end_tag(data, i, end, out, state, stack, elements, blocks):  # type: ignore[no-untyped-def]
    start = i + 2
    if start >= end or not is_letter(data[start]):
        return _behind(data, i, end)
    key, j = read_name(data, start, end)
    tag = max(find(_TAG_KEYS, _TAG_NUMBERS, key), 0)
    kind = _KINDS[tag]
    j = _behind(data, j, end)
    if tag == tg.BODY or tag == tg.HTML or kind & tg.VOID:
        return j
    is_block = kind & tg.BLOCK != 0
    found = opened_by_end_tag(tag, np.int32(key & np.uint64(0x7FFFFFFF)), is_block, state, stack, elements)
    if is_block:
        end_block(state, blocks, out)
    if tag == tg.MATH and found > 0 and found + 1 == state[op.MATH_DEPTH] and not state[op.UNSEEN_FROM]:
        _write_mathml(data, i, out, state, stack, elements, blocks)
    if found > 0:
        close_to(found, state, stack, elements, blocks, out)
    return j


@jit
def _start_tag(  # type: ignore[no-untyped-def]
    data, i, end, out, state, stack, elements, blocks, words, spans, counts, types, values
):
    start = i + 1
    key, name_end = read_name(data, start, end)
    tag = max(find(_TAG_KEYS, _TAG_NUMBERS, key), 0)
    kind = _KINDS[tag]
    before = state[op.WORD_COUNT]
    i, words, count, flags, classes, seen, closed = at.read_attributes(data, name_end, end, words, before, values)
    if kind & tg.VOID:
        _void_tag(tag, seen, data, out, state, stack, elements, blocks, spans, counts, values)
        return i, words
    if kind & tg.RAW:
        return _raw_element(
            tag, seen, data, start, name_end, i, end, out, state, stack, elements, blocks, spans, counts, types, values
        ), words
    is_block = kind & tg.BLOCK != 0
    found = closed_by_start_tag(tag, kind, is_block, state, stack, elements)
    if found > 0:
        close_to(found, state, stack, elements, blocks, out)
    if is_block:
        end_block(state, blocks, out)
    if state[op.BLOCK_OPEN]:
        blocks[state[op.BLOCKS], pg.LINKS] += tag == tg.A
        blocks[state[op.BLOCKS], pg.EMPHASES] += tag == tg.B or tag == tg.STRONG
    if tag == tg.HTML and seen & (1 << at.LANG) and spans[pg.LANGUAGE, 0] < 0:
        spans[pg.LANGUAGE] = values[at.LANG]
    if tag == tg.TIME:
        read_time(seen, data, values, spans, counts)
    if tag == tg.ANNOTATION and _is_tex(seen, data, values):
        return _annotation(data, start, name_end, i, end, out, state, stack, elements, blocks), words
    if state[op.OPEN] >= pg.MOST_DEPTH or (closed and tag == 0):
        return i, words
    element = state[op.ELEMENTS]
    state[op.ELEMENTS] += 1
    state[op.WORD_COUNT] = count
    row = elements[element]
    row[pg.PARENT], row[pg.TAG], row[pg.DEPTH] = stack[state[op.OPEN] - 1], tag, state[op.OPEN]
    row[pg.WORDS], row[pg.WORDS_END] = before, count
    row[pg.SIGNATURE] = np.int32(((classes + np.uint64(tag)) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33))
    row[pg.FLAGS] = flags | _TAG_FLAGS[tag]
    row[pg.IS_BLOCK] = is_block or (tag == 0 and name_end - start > _LONG_NAME and not state[op.MATH_DEPTH])
    row[pg.NAME] = np.int32(key & np.uint64(0x7FFFFFFF))
    row[pg.FIRST_NUMBER] = _number(data, values[at.START, 0], values[at.START, 1]) if seen & (1 << at.START) else 1
    stack[state[op.OPEN]] = element
    state[op.OPEN] += 1
    state[op.LINK_DEPTH] += tag == tg.A
    if tag == tg.PRE:
        state[op.PRE_DEPTH] += 1
        state[op.PENDING_TABS] = state[op.PENDING_INDENT] = 0
        # the standard drops a line break that stands first (13.2.6.4.7)
        if i < end and data[i] == 13:
            i += 1
        if i < end and data[i] == 10:
            i += 1
    if not state[op.UNSEEN_FROM] and (
        kind & tg.UNSEEN
        or (seen & (1 << at.CLASS) and at.is_value(data, values[at.CLASS, 0], values[at.CLASS, 1], _KATEX))
    ):
        state[op.UNSEEN_FROM] = state[op.OPEN]
    if tag == tg.MATH and not state[op.UNSEEN_FROM]:
        _begin_math(i, seen, data, out, state, stack, elements, blocks, values)
    if closed and (tag == 0 or (state[op.UNSEEN_FROM] == state[op.OPEN] and tag != tg.HEAD)):
        close_to(state[op.OPEN] - 1, state, stack, elements, blocks, out)
    return i, words


@jit
def _void_tag(tag, seen, data, out, state, stack, elements, blocks, spans, counts, values):  # type: ignore[no-untyped-def]
    if tag == tg.BR:
        if state[op.BLOCK_OPEN] and not state[op.UNSEEN_FROM]:
            if out[state[op.OUT] - 1] == 10 and not state[op.PRE_DEPTH]:
                # two line breaks end a paragraph
                end_block(state, blocks, out)
            else:
                out[state[op.OUT]] = 10
                state[op.OUT] += 1
                blocks[state[op.BLOCKS], pg.BREAKS] += 1
                state[op.PENDING_SPACE] = 0
    elif tag == tg.IMG:
        state[op.SEEN_IMAGES] += 1
        if seen & (1 << at.ALT) and seen & (1 << at.CLASS) and not state[op.UNSEEN_FROM] and not state[op.MATH_DEPTH]:
            first, last = values[at.CLASS, 0], values[at.CLASS, 1]
            if at.is_value(data, first, last, _LATEX) or at.is_value(data, first, last, _TEX):
                add_formula(data, values[at.ALT, 0], values[at.ALT, 1], False, out, state, stack, elements, blocks)
    elif tag == tg.INPUT:
        hidden = seen & (1 << at.TYPE) and at.is_value(data, values[at.TYPE, 0], values[at.TYPE, 1], _HIDDEN_FIELD)
        state[op.SEEN_FIELDS] += not hidden
    elif tag == tg.HR:
        state[op.SEEN_RULES] += 1
        end_block(state, blocks, out)
    elif tag == tg.META:
        read_meta(seen, data, values, spans, counts)
    elif tag == tg.LINK:
        read_link(seen, data, values, spans)


@jit
def _raw_element(  # type: ignore[no-untyped-def]
    tag, seen, data, start, name_end, i, end, out, state, stack, elements, blocks, spans, counts, types, values
):
    close = _end_of_raw(data, i, end, start, name_end)
    if tag == tg.SCRIPT:
        counts[pg.SCRIPT_BYTES] += close - i
        if seen & (1 << at.TYPE):
            first, last = values[at.TYPE, 0], values[at.TYPE, 1]
            if at.is_value(data, first, last, _LD_JSON):
                read_script_facts(data, i, close, spans, counts, types)
            elif at.is_value(data, first, last, _MATH) and not state[op.UNSEEN_FROM]:
                display = at.find_value(data, first, last, _DISPLAY) >= 0
                add_formula(data, i, close, display, out, state, stack, elements, blocks)
    elif tag == tg.TITLE and spans[pg.TITLE, 0] < 0:
        spans[pg.TITLE, 0], spans[pg.TITLE, 1] = i, close
    return _behind(data, close, end)


@jit
def _end_of_raw(data, i, end, start, name_end):  # type: ignore[no-untyped-def]
    """Where `</` and the name of data[start:name_end] stand, at or behind i; `end` where they don't."""
    length = name_end - start
    while i + 2 + length <= end:
        if data[i] == 60 and data[i + 1] == 47:
            k = 0
            while k < length and lower(data[i + 2 + k]) == lower(data[start + k]):
                k += 1
            if k == length:
                return i
        i += 1
    return end


@inline
def _number(data, i, end):  # type: ignore[no-untyped-def]
    number = 0
    while i < end and 48 <= data[i] <= 57 and number < 10**6:
        number = number * 10 + int(data[i]) - 48
        i += 1
    return number


@inline
def _is_tex(seen, data, values):  # type: ignore[no-untyped-def]
    if not seen & (1 << at.ENCODING):
        return False
    return at.find_value(data, values[at.ENCODING, 0], values[at.ENCODING, 1], _TEX) >= 0


@inline
def _begin_math(i, seen, data, out, state, stack, elements, blocks, values):  # type: ignore[no-untyped-def]
    state[op.MATH_DEPTH], state[op.MATH_FROM], state[op.MATH_BLOCK] = state[op.OPEN], i, state[op.BLOCKS]
    state[op.MATH_OUT] = state[op.OUT] if state[op.BLOCK_OPEN] else -1
    state[op.MATH_CHARACTERS] = blocks[state[op.BLOCKS], pg.CHARACTERS] if state[op.BLOCK_OPEN] else 0
    state[op.MATH_SPACE] = state[op.PENDING_SPACE]
    if seen & (1 << at.ALTTEXT) and values[at.ALTTEXT, 1] > values[at.ALTTEXT, 0]:
        add_formula(data, values[at.ALTTEXT, 0], values[at.ALTTEXT, 1], False, out, state, stack, elements, blocks)
        state[op.UNSEEN_FROM] = state[op.OPEN]


@jit
def _annotation(data, start, name_end, i, end, out, state, stack, elements, blocks):  # type: ignore[no-untyped-def]
    """TeX in MathML, which takes the place of what was written of the formula before."""
    close = _end_of_raw(data, i, end, start, name_end)
    if state[op.MATH_DEPTH] and not state[op.UNSEEN_FROM]:
        _take_back_math(state, blocks)
        add_formula(data, i, close, False, out, state, stack, elements, blocks)
        state[op.UNSEEN_FROM] = state[op.MATH_DEPTH]
    return _behind(data, close, end)


@jit
def _write_mathml(data, i, out, state, stack, elements, blocks):  # type: ignore[no-untyped-def]
    """TeX for the MathML that ends at data[i], in place of what was written of it; that stays where there is none."""
    first = state[op.MATH_FROM]
    if state[op.MATH_BLOCK] != state[op.BLOCKS] or not state[op.BLOCK_OPEN] or i - first > LONGEST:
        return
    tex = np.empty(i - first + 1, np.uint8)
    length = write_tex(data, first, i, pointer(tex))
    if length > 0:
        _take_back_math(state, blocks)
        add_formula(pointer(tex), np.int64(0), length, False, out, state, stack, elements, blocks)
    tex[0] = 0  # what is pointed to lives until here


@inline
def _take_back_math(state, blocks):  # type: ignore[no-untyped-def]
    """Go back to before what was written of a formula."""
    if state[op.BLOCK_OPEN]:
        block = state[op.BLOCKS]
        fresh = state[op.MATH_OUT] < blocks[block, pg.START]
        state[op.OUT] = blocks[block, pg.START] if fresh else state[op.MATH_OUT]
        blocks[block, pg.CHARACTERS] = 0 if fresh else state[op.MATH_CHARACTERS]
        state[op.PENDING_SPACE] = 0 if fresh else state[op.MATH_SPACE]
