"""What is summed over a page before its blocks can be described: by element, by path, by equal text.

Two loops over the elements, upwards for what is in them, downwards for what is around them, and two over the blocks.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes
from dspipe.kernels.html import block_words as bw
from dspipe.kernels.html import page_arrays as pg
from dspipe.kernels.html import tags as tg
from dspipe.kernels.html.class_words import CLASS_WORDS, FAR, GROUP_COUNT
from dspipe.kernels.html.lookup import find
from dspipe.kernels.jit import entry, inline, jit

# what is in an element with all its descendants, int32
CHARACTERS, LINKED, BLOCKS, FUNCTION, WORDS, LONG = range(6)
IN_COLUMNS = 6
# the page as a whole, float64
(
    ALL_CHARACTERS,
    ALL_LINKED,
    ALL_LONG,
    FIRST_LONG,
    LAST_LONG,
    FIRST_H1,
    H1_COUNT,
    MAIN_ELEMENTS,
    ARTICLE_ELEMENTS,
    MAIN_CHARACTERS,
    ARTICLE_CHARACTERS,
    TOP,
) = range(12)
TOTALS = 12
_LONG_CHARACTERS, _LONG_LINK_SHARE, _TOP_SHARE = 80, 3, 0.6
_PATH_STEPS, _SIGNED_STEPS = 5, 2
_GROUP_KEYS, _GROUP_NUMBERS = CLASS_WORDS.keys, CLASS_WORDS.values
_MAIN_OR_ARTICLE = tg.MAIN | tg.ARTICLE


Counts = npt.NDArray[np.int32]


class PageSums(NamedTuple):
    """What is summed over a page.

    inside: int32[elements, IN_COLUMNS]; flags: int32[elements], those of all elements around.
    place, siblings: int32[elements], among the children of its parent.
    equal, equal_characters: int32[elements], siblings of the same tag and classes, with the text in them.
    near: uint8[elements, groups], blocks up to the nearest element with a word of the group in its class.
    in_top: bool[elements]; is_long: bool[blocks]; path_*: int32[blocks], of the blocks of equal path.
    copies, copy: int32[blocks], blocks of equal text, and which of them this is; totals: float64[TOTALS].
    """

    inside: Counts
    flags: Counts
    place: Counts
    siblings: Counts
    equal: Counts
    equal_characters: Counts
    near: Bytes
    in_top: npt.NDArray[np.bool_]
    is_long: npt.NDArray[np.bool_]
    path_blocks: Counts
    path_characters: Counts
    path_linked: Counts
    copies: Counts
    copy: Counts
    totals: npt.NDArray[np.float64]


@entry()
def sum_page(elements, blocks, element_words, words, hashes):  # type: ignore[no-untyped-def]
    """The PageSums of a page; `words` and `hashes` are those of block_words.count_words."""
    totals = np.zeros(TOTALS)
    is_long = np.zeros(len(blocks), np.bool_)
    inside = _sum_upwards(elements, blocks, words, is_long, totals)
    flags, index, siblings, slots, slot_counts, slot_characters, near, in_top = _sum_downwards(
        elements, element_words, inside, totals
    )
    equal, equal_characters = slot_counts[slots], slot_characters[slots]
    path_blocks, path_characters, path_linked = _sum_paths(elements, blocks, flags, totals)
    copies, copy = _count_copies(hashes)
    return PageSums(
        inside,
        flags,
        index,
        siblings,
        equal,
        equal_characters,
        near,
        in_top,
        is_long,
        path_blocks,
        path_characters,
        path_linked,
        copies,
        copy,
        totals,
    )


@jit
def _sum_upwards(elements, blocks, words, is_long, totals):  # type: ignore[no-untyped-def]
    inside = np.zeros((len(elements), IN_COLUMNS), np.int32)
    totals[FIRST_LONG], totals[LAST_LONG], totals[FIRST_H1] = len(blocks), -1, -1
    for block in range(len(blocks)):
        row = inside[blocks[block, pg.INNERMOST]]
        characters, linked = blocks[block, pg.CHARACTERS], blocks[block, pg.LINKED]
        row[CHARACTERS] += characters
        row[LINKED] += linked
        row[BLOCKS] += 1
        row[FUNCTION] += words[block, bw.FUNCTION]
        row[WORDS] += words[block, bw.COUNT]
        totals[ALL_CHARACTERS] += characters
        totals[ALL_LINKED] += linked
        if characters > _LONG_CHARACTERS and np.int64(linked) * _LONG_LINK_SHARE < characters:
            is_long[block] = True
            row[LONG] += characters
            totals[ALL_LONG] += characters
            totals[LAST_LONG] = block
            totals[FIRST_LONG] = min(totals[FIRST_LONG], block)
        if elements[blocks[block, pg.ELEMENT], pg.TAG] == tg.H1:
            totals[H1_COUNT] += 1
            if totals[FIRST_H1] < 0:
                totals[FIRST_H1] = block
    for element in range(len(elements) - 1, 0, -1):
        parent = elements[element, pg.PARENT]
        for column in range(IN_COLUMNS):
            inside[parent, column] += inside[element, column]
    return inside


@jit
def _sum_downwards(elements, element_words, inside, totals):  # type: ignore[no-untyped-def]
    count = len(elements)
    flags, index = np.zeros(count, np.int32), np.zeros(count, np.int32)
    children, slots = np.zeros(count, np.int32), np.zeros(count, np.int32)
    size = _table_size(count)
    keys, slot_counts = np.zeros(size, np.int64), np.zeros(size, np.int32)
    slot_characters = np.zeros(size, np.int32)
    near = np.full((count, GROUP_COUNT), FAR, np.uint8)
    top = 0
    for element in range(1, count):
        parent, own = elements[element, pg.PARENT], elements[element, pg.FLAGS]
        if flags[parent] & _MAIN_OR_ARTICLE:
            # the header of an article isn't that of the page
            if own & tg.HEADER:
                own = (own & ~tg.HEADER) | tg.ARTICLE_HEADER
            if own & tg.FOOTER:
                own = (own & ~tg.FOOTER) | tg.ARTICLE_FOOTER
        flags[element] = flags[parent] | own
        totals[MAIN_ELEMENTS] += own & tg.MAIN != 0
        totals[ARTICLE_ELEMENTS] += own & tg.ARTICLE != 0
        index[element] = children[parent]
        children[parent] += 1
        slot = _slot(keys, np.int64(parent) * 1000003 + np.int64(elements[element, pg.SIGNATURE]))
        slots[element] = slot
        slot_counts[slot] += 1
        slot_characters[slot] += inside[element, CHARACTERS]
        holds_text = totals[ALL_LONG] > 0 and inside[element, LONG] >= _TOP_SHARE * totals[ALL_LONG]
        if holds_text and elements[element, pg.DEPTH] > elements[top, pg.DEPTH]:
            top = element
        _near_groups(element, parent, elements, element_words, near)
    totals[TOP] = top
    siblings, in_top = np.zeros(count, np.int32), np.zeros(count, np.bool_)
    in_top[top] = top > 0
    for element in range(1, count):
        parent = elements[element, pg.PARENT]
        siblings[element] = children[parent]
        in_top[element] |= in_top[parent]
    return flags, index, siblings, slots, slot_counts, slot_characters, near, in_top


@inline
def _near_groups(element, parent, elements, element_words, near):  # type: ignore[no-untyped-def]
    step = np.uint8(elements[element, pg.IS_BLOCK] != 0)
    for group in range(GROUP_COUNT):
        distance = near[parent, group]
        near[element, group] = distance if distance >= FAR - 1 else distance + step
    tag = elements[element, pg.TAG]
    if tag != tg.BODY and tag != tg.HTML:
        for k in range(elements[element, pg.WORDS], elements[element, pg.WORDS_END]):
            group = find(_GROUP_KEYS, _GROUP_NUMBERS, element_words[k])
            if group >= 0:
                near[element, group] = 0


@jit
def _sum_paths(elements, blocks, flags, totals):  # type: ignore[no-untyped-def]
    """Of the blocks with the same five innermost elements, the two last of them with equal classes: how many there are,
    their characters and those in links, by block."""
    count = len(blocks)
    size = _table_size(count)
    keys, sums = np.zeros(size, np.int64), np.zeros((size, 3), np.int32)
    slots = np.zeros(count, np.int32)
    for block in range(count):
        element, key = np.int64(blocks[block, pg.INNERMOST]), np.int64(17)
        characters = blocks[block, pg.CHARACTERS]
        if flags[element] & tg.MAIN:
            totals[MAIN_CHARACTERS] += characters
        if flags[element] & tg.ARTICLE:
            totals[ARTICLE_CHARACTERS] += characters
        for step in range(_PATH_STEPS):
            if element <= 0:
                break
            key = key * 131 + elements[element, pg.TAG] + 7
            if step < _SIGNED_STEPS:
                key = key * 31 + elements[element, pg.SIGNATURE]
            element = np.int64(elements[element, pg.PARENT])
        slot = _slot(keys, key)
        slots[block] = slot
        sums[slot, 0] += 1
        sums[slot, 1] += characters
        sums[slot, 2] += blocks[block, pg.LINKED]
    return sums[slots, 0], sums[slots, 1], sums[slots, 2]


@jit
def _count_copies(hashes):  # type: ignore[no-untyped-def]
    count = len(hashes)
    size = _table_size(count)
    keys, counts = np.zeros(size, np.int64), np.zeros(size, np.int32)
    slots, copy = np.zeros(count, np.int32), np.zeros(count, np.int32)
    for block in range(count):
        slot = _slot(keys, hashes[block])
        slots[block], copy[block] = slot, counts[slot]
        counts[slot] += 1
    return counts[slots], copy


@inline
def _table_size(entries):  # type: ignore[no-untyped-def]
    size = 16
    while size < 2 * entries:
        size *= 2
    return size


@inline
def _slot(keys, key):  # type: ignore[no-untyped-def]
    """The place of a key in an open-addressing table, which it is put into where it is new."""
    mask = np.int64(len(keys) - 1)
    key |= 1
    slot = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + 1) & mask
    keys[slot] = key
    return slot
