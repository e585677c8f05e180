"""A page as flat arrays: its text, elements, blocks of text, and the words in its classes. What page_scan.py makes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes

# columns of an element; elements stand in document order, so that a parent is before what is in it
PARENT, TAG, DEPTH, WORDS, WORDS_END, SIGNATURE, FLAGS, IS_BLOCK, NAME, FIRST_NUMBER = range(10)
ELEMENT_COLUMNS = 10
# columns of a block of text
START, END, ELEMENT, INNERMOST, CHARACTERS, LINKED, LINKS, BREAKS, IMAGES, FIELDS, EMPHASES, RULES = range(12)
BLOCK_COLUMNS = 12

# what a page says of itself: spans of its bytes, -1 where it doesn't; then counts
TITLE, LANGUAGE, CANONICAL, SHARED_TITLE, DATE = range(5)
SPANS = 5
DATE_RANK, SCRIPT_BYTES = range(2)
COUNTS = 2

MOST_DEPTH = 400
"""Elements nested deeper aren't made; their text belongs to the one around them. Browsers stop at 512."""
MOST_ELEMENTS = 500_000
"""A page of more elements or blocks is refused: their arrays and what is summed over them take 250 bytes each."""


class PageArrays(NamedTuple):
    """text: uint8, UTF-8; elements: int32[elements, ELEMENT_COLUMNS], the first is the page itself; blocks:
    int32[blocks, BLOCK_COLUMNS]; words: uint64, keys of the words in classes, those of an element from WORDS to
    WORDS_END; spans: int64[SPANS, 2] into the page's bytes; counts: int64[COUNTS]; types: int64[page types], how often
    each of schema.org's is named in JSON-LD."""

    text: Bytes
    elements: npt.NDArray[np.int32]
    blocks: npt.NDArray[np.int32]
    words: npt.NDArray[np.uint64]
    spans: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    types: npt.NDArray[np.int64]
