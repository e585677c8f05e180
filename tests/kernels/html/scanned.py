"""A page as the scan sees it, for tests: blocks and elements as plain Python."""

import numpy as np

from dspipe.kernels.html import page_arrays as pg
from dspipe.kernels.html.page_scan import scan_page
from dspipe.kernels.html.tags import NAMES


def scan(page: str) -> pg.PageArrays:
    """The arrays of a page."""
    return scan_page(np.frombuffer(page.encode(), np.uint8))


def block_texts(page: str) -> list[str]:
    """The texts of its blocks."""
    arrays = scan(page)
    text = arrays.text.tobytes()
    return [text[row[pg.START] : row[pg.END]].decode() for row in arrays.blocks]


def tags_around(page: str) -> list[list[str]]:
    """For each block the tags of the elements around it, from the outermost on."""
    arrays = scan(page)
    paths = []
    for row in arrays.blocks:
        element, path = row[pg.INNERMOST], []
        while element > 0:
            path.append(NAMES[arrays.elements[element, pg.TAG]])
            element = arrays.elements[element, pg.PARENT]
        paths.append(path[::-1])
    return paths
