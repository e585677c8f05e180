"""The numbers that describe a block of text to the model that chooses blocks.

own           22  length, words, links, signs, how it ends, tags
place         16  where it stands on the page, from the first and last long paragraph, from headings
path          29  flags of all elements around it: nav, header, main, article, hidden, ...
same path      4  blocks with the same five elements around them: number, share of the text, length, links
ancestors     50  of each of the five nearest block elements: tag, text, links, share of the page, text a block,
                  function words, share in long paragraphs, equal siblings, place among siblings from both ends
repeats        6  the ancestor that is repeated most: how often, how far, text an item, share of the page; inside the
                  smallest element that holds 60 % of the long paragraphs or not, and how deep
neighbours    24  the three blocks before and behind: length, links, tag, function words
page          23  text, links, blocks, long paragraphs, function words, scripts, main and article, types in JSON-LD
class words   61  for each group of words, how near an element with one of them in its class is
"""

from itertools import accumulate

import numpy as np

from dspipe.kernels.html import block_words as bw
from dspipe.kernels.html import page_arrays as pg
from dspipe.kernels.html import page_sums as ps
from dspipe.kernels.html import tags as tg
from dspipe.kernels.html.class_words import FAR, GROUP_COUNT
from dspipe.kernels.jit import entry, inline, jit

_TYPES = len(tg.PAGE_TYPES)
_ANCESTORS, _ANCESTOR_FEATURES, _REPEAT_STEPS = 5, 10, 8
FEATURE_GROUPS = {
    "own": 22,
    "place": 16,
    "path": tg.PATH_FLAGS,
    "same path": 4,
    "ancestors": _ANCESTORS * _ANCESTOR_FEATURES,
    "repeats": 6,
    "neighbours": 24,
    "page": 11 + _TYPES,
    "class words": GROUP_COUNT,
}
"""How many features of each kind there are, in their order."""
FEATURES = sum(FEATURE_GROUPS.values())
_, _PLACE, _PATH, _SAME_PATH, _AROUND, _REPEATS, _NEIGHBOURS, _PAGE, _CLASSES, _ = accumulate(
    FEATURE_GROUPS.values(), initial=0
)
PAGE_FEATURES = slice(_PAGE, _CLASSES)
"""Those that are equal for all blocks of a page."""
_FAR_BLOCKS, _NO_H1 = 999.0, 9999.0
_MOST_OF_A_TYPE = 3
# what is known of the blocks before one
_CHARACTERS, _LONG, _SINCE_HEADING, _LAST_HEADING, _LAST_TITLE, _LEVEL = range(6)


@entry("before", "rows")
def describe_blocks(first, last, elements, blocks, words, sums, counts, types, before, rows):  # type: ignore[no-untyped-def]
    """Fill rows[:last - first] (float32[any, FEATURES]) for the blocks from `first` to `last`, which must be called for
    in their order; `before` (float64[6], zeros at first) is what is carried from one call to the next."""
    for block in range(first, last):
        row = rows[block - first]
        if block == 0:
            before[_LAST_HEADING] = before[_LAST_TITLE] = -1
        _own(block, elements, blocks, words, row)
        _place(block, elements, blocks, sums, before, row)
        _path(block, blocks, sums, row)
        _around(block, elements, blocks, sums, row)
        _neighbours(block, elements, blocks, words, row)
        _page(len(blocks), sums, counts, types, row)
        _classes(block, blocks, sums, row)
        _pass(block, elements, blocks, sums, before)


@inline
def _log(value):  # type: ignore[no-untyped-def]
    return np.log(1.0 + value)


@jit
def _own(block, elements, blocks, words, row):  # type: ignore[no-untyped-def]
    b, w = blocks[block], words[block]
    characters, count = max(float(b[pg.CHARACTERS]), 1.0), max(float(w[bw.COUNT]), 1.0)
    row[0] = _log(b[pg.CHARACTERS])
    row[1] = _log(w[bw.COUNT])
    row[2] = b[pg.LINKED] / characters
    row[3] = b[pg.CHARACTERS] / count
    row[4] = w[bw.FUNCTION] / count
    row[5] = w[bw.CAPITALS] / count
    row[6] = w[bw.NUMBERS] / count
    row[7] = w[bw.SHORT] / count
    row[8] = w[bw.STOPS] / count
    row[9] = w[bw.COMMAS] / count
    row[10] = w[bw.SIGNS] / characters
    row[11] = w[bw.ENDING]
    row[12] = w[bw.CURRENCIES]
    row[13] = w[bw.COPYRIGHTS]
    row[14] = b[pg.LINKS]
    row[15] = b[pg.BREAKS]
    row[16] = b[pg.IMAGES]
    row[17] = b[pg.FIELDS]
    row[18] = b[pg.EMPHASES]
    row[19] = b[pg.RULES]
    row[20] = elements[b[pg.ELEMENT], pg.TAG]
    row[21] = elements[b[pg.INNERMOST], pg.TAG]


@jit
def _place(block, elements, blocks, sums, before, row):  # type: ignore[no-untyped-def]
    totals, at, count = sums.totals, _PLACE, len(blocks)
    row[at] = elements[blocks[block, pg.ELEMENT], pg.DEPTH]
    row[at + 1] = sums.copies[block]
    row[at + 2] = sums.copy[block]
    row[at + 3] = block / count
    row[at + 4] = before[_CHARACTERS] / max(totals[ps.ALL_CHARACTERS], 1.0)
    row[at + 5] = _log(block)
    row[at + 6] = _log(count - 1 - block)
    row[at + 7] = before[_LONG] / max(totals[ps.ALL_LONG], 1.0)
    row[at + 8] = block - totals[ps.FIRST_LONG]
    row[at + 9] = block - totals[ps.LAST_LONG]
    row[at + 10] = block - totals[ps.FIRST_H1] if totals[ps.FIRST_H1] >= 0 else _NO_H1
    row[at + 11] = totals[ps.H1_COUNT]
    row[at + 12] = before[_LEVEL]
    row[at + 13] = block - before[_LAST_HEADING] if before[_LAST_HEADING] >= 0 else _FAR_BLOCKS
    row[at + 14] = block - before[_LAST_TITLE] if before[_LAST_TITLE] >= 0 else _FAR_BLOCKS
    row[at + 15] = _log(before[_SINCE_HEADING])


@inline
def _pass(block, elements, blocks, sums, before):  # type: ignore[no-untyped-def]
    characters, tag = blocks[block, pg.CHARACTERS], elements[blocks[block, pg.ELEMENT], pg.TAG]
    before[_CHARACTERS] += characters
    before[_SINCE_HEADING] += characters
    if sums.is_long[block]:
        before[_LONG] += characters
    if tg.H1 <= tag <= tg.H6:
        before[_LAST_HEADING], before[_LEVEL], before[_SINCE_HEADING] = block, tag - tg.H1 + 1, 0.0
        if tag - tg.H1 < 2:
            before[_LAST_TITLE] = block


@inline
def _path(block, blocks, sums, row):  # type: ignore[no-untyped-def]
    flags = sums.flags[blocks[block, pg.INNERMOST]]
    for k in range(tg.PATH_FLAGS):
        row[_PATH + k] = (flags >> k) & 1
    count, characters = sums.path_blocks[block], sums.path_characters[block]
    row[_SAME_PATH] = count
    row[_SAME_PATH + 1] = characters / max(sums.totals[ps.ALL_CHARACTERS], 1.0)
    row[_SAME_PATH + 2] = _log(characters / count)
    row[_SAME_PATH + 3] = sums.path_linked[block] / max(characters, 1)


@jit
def _around(block, elements, blocks, sums, row):  # type: ignore[no-untyped-def]
    of_page = max(sums.totals[ps.ALL_CHARACTERS], 1.0)
    start = np.int64(blocks[block, pg.ELEMENT])
    element, step, level, at = start, 0, 0, _AROUND
    most, most_step, item_text, item_share = 0, -1, 0.0, 0.0
    while element > 0 and (level < _ANCESTORS or step < _REPEAT_STEPS):
        inside = sums.inside[element]
        equal = sums.equal[element]
        if equal > most and step < _REPEAT_STEPS and inside[ps.CHARACTERS] > 0:
            most, most_step = equal, step
            item_text = sums.equal_characters[element] / equal
            item_share = sums.equal_characters[element] / of_page
        if level < _ANCESTORS and elements[element, pg.IS_BLOCK]:
            characters = max(float(inside[ps.CHARACTERS]), 1.0)
            row[at] = elements[element, pg.TAG]
            row[at + 1] = _log(inside[ps.CHARACTERS])
            row[at + 2] = inside[ps.LINKED] / characters
            row[at + 3] = inside[ps.CHARACTERS] / of_page
            row[at + 4] = _log(inside[ps.CHARACTERS] / max(float(inside[ps.BLOCKS]), 1.0))
            row[at + 5] = inside[ps.FUNCTION] / max(float(inside[ps.WORDS]), 1.0)
            row[at + 6] = inside[ps.LONG] / characters
            row[at + 7] = equal
            row[at + 8] = sums.place[element]
            row[at + 9] = sums.siblings[element] - sums.place[element]
            at += _ANCESTOR_FEATURES
            level += 1
        step += 1
        element = np.int64(elements[element, pg.PARENT])
    row[at:_REPEATS] = -1.0
    top = np.int64(sums.totals[ps.TOP])
    row[_REPEATS] = most
    row[_REPEATS + 1] = most_step
    row[_REPEATS + 2] = _log(item_text)
    row[_REPEATS + 3] = item_share
    row[_REPEATS + 4] = sums.in_top[start]
    row[_REPEATS + 5] = elements[start, pg.DEPTH] - elements[top, pg.DEPTH] if sums.in_top[start] else 99.0


@jit
def _neighbours(block, elements, blocks, words, row):  # type: ignore[no-untyped-def]
    at = _NEIGHBOURS
    for distance in (-3, -2, -1, 1, 2, 3):
        other = block + distance
        if 0 <= other < len(blocks):
            characters = blocks[other, pg.CHARACTERS]
            row[at] = _log(characters)
            row[at + 1] = blocks[other, pg.LINKED] / max(float(characters), 1.0)
            row[at + 2] = elements[blocks[other, pg.ELEMENT], pg.TAG]
            row[at + 3] = words[other, bw.FUNCTION] / max(float(words[other, bw.COUNT]), 1.0)
        else:
            row[at : at + 4] = -1.0
        at += 4


@inline
def _page(block_count, sums, counts, types, row):  # type: ignore[no-untyped-def]
    totals, inside = sums.totals, sums.inside
    characters = max(totals[ps.ALL_CHARACTERS], 1.0)
    row[_PAGE] = _log(totals[ps.ALL_CHARACTERS])
    row[_PAGE + 1] = totals[ps.ALL_LINKED] / characters
    row[_PAGE + 2] = block_count
    row[_PAGE + 3] = totals[ps.ALL_LONG] / characters
    row[_PAGE + 4] = inside[0, ps.FUNCTION] / max(float(inside[0, ps.WORDS]), 1.0)
    row[_PAGE + 5] = _log(counts[pg.SCRIPT_BYTES])
    row[_PAGE + 6] = totals[ps.MAIN_ELEMENTS]
    row[_PAGE + 7] = totals[ps.ARTICLE_ELEMENTS]
    row[_PAGE + 8] = totals[ps.MAIN_CHARACTERS] / characters
    row[_PAGE + 9] = totals[ps.ARTICLE_CHARACTERS] / characters
    row[_PAGE + 10] = inside[np.int64(totals[ps.TOP]), ps.CHARACTERS] / characters
    for k in range(_TYPES):
        row[_PAGE + 11 + k] = min(types[k], _MOST_OF_A_TYPE)


@inline
def _classes(block, blocks, sums, row):  # type: ignore[no-untyped-def]
    near = sums.near[blocks[block, pg.INNERMOST]]
    for group in range(GROUP_COUNT):
        row[_CLASSES + group] = 0.0 if near[group] == FAR else 1.0 / (1.0 + near[group])
