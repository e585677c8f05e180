"""Which blocks of text are kept, from the probability of each that it belongs to the main content.

A page's F1 by words is expected to be best where all blocks over half of that best F1 are kept (Lipton et al. 2014,
"Optimal thresholding of classifiers to maximize F1 measure", section 4); the threshold is held between 0.25 and 0.45.
Then what belongs together stays together: tables whole or not at all, code beside what is kept, the headings of it.
"""

import numpy as np

from dspipe.kernels.html import page_arrays as pg
from dspipe.kernels.html import tags as tg
from dspipe.kernels.jit import entry, inline, jit

LOWEST, HIGHEST = 0.25, 0.45
_TABLE_OF_PAGE = 0.6
"""A table with more of the page's words lays it out."""


@entry()
def choose_blocks(probability, word_counts, elements, blocks, whole):  # type: ignore[no-untyped-def]
    """(keep: bool[blocks], expected F1). word_counts: int32[blocks]; `whole`: keep what belongs together."""
    total = 0.0
    for block in range(len(blocks)):
        total += probability[block] * word_counts[block]
    order = np.argsort(-probability)
    hits, words, best = 0.0, 0.0, 0.0
    for block in order:
        hits += probability[block] * word_counts[block]
        words += word_counts[block]
        best = max(best, 2 * hits / (words + total + 1e-9))
    threshold = min(max(best / 2, LOWEST), HIGHEST)
    keep = probability >= threshold
    if whole and keep.any():
        _whole_tables(probability, word_counts, elements, blocks, threshold, keep)
        _code_beside(elements, blocks, keep)
        _tables_between(elements, blocks, keep)
        _headings(probability, elements, blocks, keep)
    return keep, best


@jit
def around(element, tag, elements):  # type: ignore[no-untyped-def]
    """The nearest element of a tag that an element is in, or is; 0 where there is none."""
    element = np.int64(element)
    while element > 0 and elements[element, pg.TAG] != tag:
        element = np.int64(elements[element, pg.PARENT])
    return max(element, 0)


@jit
def _whole_tables(probability, word_counts, elements, blocks, threshold, keep):  # type: ignore[no-untyped-def]
    tables = np.zeros(len(blocks), np.int64)
    hits, words = np.zeros(len(elements)), np.zeros(len(elements))
    for block in range(len(blocks)):
        table = around(blocks[block, pg.ELEMENT], tg.TABLE, elements)
        tables[block] = table
        hits[table] += probability[block] * word_counts[block]
        words[table] += word_counts[block]
    of_page = _TABLE_OF_PAGE * words.sum()
    for block in range(len(blocks)):
        table = tables[block]
        if table > 0 and 0 < words[table] < of_page:
            keep[block] = hits[table] >= threshold * words[table]


@jit
def _tables_between(elements, blocks, keep):  # type: ignore[no-untyped-def]
    """Keep a table that stands between kept blocks, a heading before it or not."""
    before, table, first = False, np.int64(0), 0
    for block in range(len(blocks) + 1):
        here = np.int64(0)
        if block < len(blocks):
            here = around(blocks[block, pg.ELEMENT], tg.TABLE, elements)
        if here == table and block < len(blocks):
            continue
        if table > 0 and before and block < len(blocks) and here == 0 and keep[block]:
            keep[first:block] = True
        if here > 0:
            last = block - 1
            if last >= 0 and _is_heading(last, elements, blocks):
                last -= 1
            before = last >= 0 and keep[last]
        table, first = here, block


@inline
def _is_heading(block, elements, blocks):  # type: ignore[no-untyped-def]
    return tg.H1 <= elements[blocks[block, pg.ELEMENT], pg.TAG] <= tg.H6


@jit
def _code_beside(elements, blocks, keep):  # type: ignore[no-untyped-def]
    kept = keep.copy()
    for block in range(len(blocks)):
        if not kept[block] and around(blocks[block, pg.ELEMENT], tg.PRE, elements) > 0:
            beside = (block > 0 and kept[block - 1]) or (block + 1 < len(blocks) and kept[block + 1])
            keep[block] = beside


@inline
def _headings(probability, elements, blocks, keep):  # type: ignore[no-untyped-def]
    """The headings of which what follows is kept, and the likeliest h1: others are mostly the site's name."""
    next_kept, title = False, -1
    for block in range(len(blocks) - 1, -1, -1):
        tag = elements[blocks[block, pg.ELEMENT], pg.TAG]
        if tag == tg.H1 and (title < 0 or probability[block] >= probability[title]):
            title = block
        if tg.H1 < tag <= tg.H6 and next_kept:
            keep[block] = True
        next_kept = keep[block] and not _is_heading(block, elements, blocks)
    if title >= 0:
        keep[title] = True
