"""The kept blocks of a page as text or Markdown.

A blank line between paragraphs; one line break between items of a list, terms and their definitions, and rows of a
table, whose cells are parted by ` | `; `- ` or a number before items, two spaces before those of a list within a list;
code as it stands. Markdown adds `#` before headings, fences around code, `> ` before quotations, and the line under a
table's first row. Tables that lay a page out, with more than two blocks of text a cell, are read as if they were none.
"""

import numpy as np

from dspipe.kernels.html import page_arrays as pg
from dspipe.kernels.html import tags as tg
from dspipe.kernels.html.choose_blocks import around
from dspipe.kernels.jit import entry, inline, jit

_BLOCKQUOTE, _DL = tg.BLOCKQUOTE, tg.NUMBERS["dl"]
_DEEPEST_LIST = 8
_MARKS_BYTES = 128
"""More than is written around a block, but for the marks of quoted lines."""
_LAYOUT_BLOCKS = 2
# what a block is in, each the number of an element or 0
_ITEM, _ROW, _CELL, _TABLE, _PRE, _TERMS = range(6)
_PLACES = 6


@entry()
def write_text(text, elements, blocks, keep, bullets, markdown):  # type: ignore[no-untyped-def]
    """The text (uint8) of the blocks with `keep` (bool[blocks]); `bullets`: marks before the items of lists."""
    out = np.empty(2 * len(text) + 1024, np.uint8)
    at, columns, rows = np.int64(0), 0, 0
    numbers = _item_numbers(elements)
    places, before = np.zeros(_PLACES, np.int64), np.zeros(_PLACES, np.int64)
    laid_out = _laid_out_by(elements, blocks, keep)
    for block in range(len(blocks)):
        if not keep[block]:
            continue
        start, end = np.int64(blocks[block, pg.START]), np.int64(blocks[block, pg.END])
        out = _with_room(out, at, 3 * (end - start) + _MARKS_BYTES + 6 * columns)
        element = np.int64(blocks[block, pg.ELEMENT])
        _find_places(element, elements, laid_out, places)
        in_row, in_pre = places[_ROW] > 0, places[_PRE] > 0
        if markdown and before[_PRE] > 0 and places[_PRE] != before[_PRE]:
            at = _put_all(out, at, 10, 1)
            at = _put_all(out, at, 96, 3)
        if places[_TABLE] != before[_TABLE]:
            columns, rows = 1, 1
        if at > 0 and in_row and places[_ROW] == before[_ROW]:
            if places[_CELL] != before[_CELL]:
                at = _put_border(out, at)
                columns += rows == 1
            else:
                at = _put_all(out, at, 32, 1)
        elif at > 0:
            if in_row and places[_TABLE] == before[_TABLE]:
                if markdown and rows == 1:
                    at = _put_rule(out, at, columns)
                rows += 1
            at = _put_all(out, at, 10, 1 if _is_next_line(places, before) else 2)
        quoted = markdown and not in_row and around(element, _BLOCKQUOTE, elements) > 0
        if quoted:
            at = _put_quote(out, at)
        if not in_row and places[_ITEM] > 0:
            at = _put_item(out, at, places[_ITEM], before[_ITEM], numbers, elements, bullets)
        if markdown and in_pre and places[_PRE] != before[_PRE]:
            at = _put_all(out, at, 96, 3)
            at = _put_all(out, at, 10, 1)
        level = elements[element, pg.TAG] - tg.H1 + 1
        if markdown and 1 <= level <= 6 and not in_row:
            at = _put_all(out, at, 35, level)
            at = _put_all(out, at, 32, 1)
        for k in range(start, end):
            byte = text[k]
            if byte == 10 and in_row and not in_pre:
                byte = np.uint8(32)  # a row is a line
            out[at] = byte
            at += 1
            if byte == 10 and quoted:
                at = _put_quote(out, at)
        before[:] = places
    if markdown and before[_PRE] > 0:
        at = _put_all(out, at, 10, 1)
        at = _put_all(out, at, 96, 3)
    return out[:at].copy()


@entry()
def find_code(elements, blocks, keep):  # type: ignore[no-untyped-def]
    """bool[blocks]: those that are kept and stand in `pre`."""
    found = np.zeros(len(blocks), np.bool_)
    for block in range(len(blocks)):
        found[block] = keep[block] and around(blocks[block, pg.ELEMENT], tg.PRE, elements) > 0
    return found


@jit
def _laid_out_by(elements, blocks, keep):  # type: ignore[no-untyped-def]
    """bool[elements]: the tables with more than two kept blocks of text a cell."""
    texts, cells = np.zeros(len(elements), np.int32), np.zeros(len(elements), np.int32)
    seen = np.zeros(len(elements), np.bool_)
    for block in range(len(blocks)):
        if keep[block]:
            element = np.int64(blocks[block, pg.ELEMENT])
            table = around(element, tg.TABLE, elements)
            cell = max(around(element, tg.TD, elements), around(element, tg.TH, elements))
            texts[table] += 1
            if cell > table and not seen[cell]:
                seen[cell] = True
                cells[table] += 1
    return texts > _LAYOUT_BLOCKS * cells


@jit
def _find_places(element, elements, laid_out, places):  # type: ignore[no-untyped-def]
    places[:] = 0
    while element > 0:
        tag = elements[element, pg.TAG]
        if tag == tg.LI and not places[_ITEM]:
            places[_ITEM] = element
        elif tag == tg.PRE and not places[_PRE]:
            places[_PRE] = element
        elif tag == _DL and not places[_TERMS]:
            places[_TERMS] = element
        elif (tag == tg.TD or tag == tg.TH) and not places[_CELL]:
            places[_CELL] = element
        elif tag == tg.TR and not places[_ROW]:
            places[_ROW] = element
        elif tag == tg.TABLE:
            if laid_out[element]:
                places[_ROW] = places[_CELL] = 0
            else:
                places[_TABLE] = element
            return
        element = np.int64(elements[element, pg.PARENT])
    places[_ROW] = places[_CELL] = 0


@inline
def _is_next_line(places, before):  # type: ignore[no-untyped-def]
    if places[_ROW] > 0 or before[_ROW] > 0:
        return places[_TABLE] > 0 and places[_TABLE] == before[_TABLE]
    return (
        (places[_ITEM] > 0 and before[_ITEM] > 0)
        or (places[_TERMS] > 0 and places[_TERMS] == before[_TERMS])
        or (places[_PRE] > 0 and places[_PRE] == before[_PRE])
    )


@jit
def _item_numbers(elements):  # type: ignore[no-untyped-def]
    """int32[elements]: the number of an item in its list."""
    numbers, counts = np.zeros(len(elements), np.int32), np.zeros(len(elements), np.int32)
    for element in range(1, len(elements)):
        if elements[element, pg.TAG] == tg.LI:
            parent = elements[element, pg.PARENT]
            numbers[element] = elements[parent, pg.FIRST_NUMBER] + counts[parent]
            counts[parent] += 1
    return numbers


@jit
def _put_item(out, at, item, before, numbers, elements, bullets):  # type: ignore[no-untyped-def]
    depth, element = 0, np.int64(elements[item, pg.PARENT])
    while element > 0 and depth < _DEEPEST_LIST:
        depth += elements[element, pg.TAG] == tg.LI
        element = np.int64(elements[element, pg.PARENT])
    at = _put_all(out, at, 32, 2 * depth)
    if not bullets:
        return at
    if item == before:
        return _put_all(out, at, 32, 2)
    if elements[elements[item, pg.PARENT], pg.TAG] == tg.OL:
        number, power = np.int64(numbers[item]), np.int64(1)
        while number >= 10 * power:
            power *= 10
        while power:
            at = _put_all(out, at, 48 + number // power % 10, 1)
            power //= 10
        at = _put_all(out, at, 46, 1)
    else:
        at = _put_all(out, at, 45, 1)
    return _put_all(out, at, 32, 1)


@inline
def _put_all(out, at, byte, count):  # type: ignore[no-untyped-def]
    for _ in range(count):
        out[at] = byte
        at += 1
    return at


@inline
def _put_border(out, at):  # type: ignore[no-untyped-def]
    out[at], out[at + 1], out[at + 2] = 32, 124, 32
    return at + 3


@inline
def _put_quote(out, at):  # type: ignore[no-untyped-def]
    out[at], out[at + 1] = 62, 32
    return at + 2


@jit
def _put_rule(out, at, columns):  # type: ignore[no-untyped-def]
    at = _put_all(out, at, 10, 1)
    for column in range(columns):
        if column:
            at = _put_border(out, at)
        at = _put_all(out, at, 45, 3)
    return at


@jit
def _with_room(out, at, more):  # type: ignore[no-untyped-def]
    if at + more <= len(out):
        return out
    longer = np.empty(2 * (at + more), np.uint8)
    longer[:at] = out[:at]
    return longer
