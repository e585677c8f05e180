"""The description of blocks: every column says something, and pages in pieces are as whole ones."""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.html import block_features as bf
from dspipe.kernels.html import page_arrays as pg
from dspipe.stages.extract.main_content import describe_page
from tests.shared import shared

PAGE = (
    "<nav class=menu><a href=x>Home</a><li>About</nav><main class='content'><h1>A title</h1>"
    + "<p>The first of the paragraphs, which is long enough to be taken for one, as it has over eighty characters.</p>"
    * 3
    + "<h2>Next</h2><ul><li class=item>one</li><li class=item>two</li></ul><img><p>Last: $5 © 2020 a,<br>b</p></main>"
)


def describe(page: bytes, at_once: int = 10**6) -> npt.NDArray[np.float32]:
    arrays, words, sums = describe_page(np.frombuffer(page, np.uint8))
    count = len(arrays.blocks)
    rows, before = np.full((count, bf.FEATURES), np.nan, np.float32), np.zeros(6)
    for first in range(0, count, at_once):
        last = min(first + at_once, count)
        part = np.full((last - first, bf.FEATURES), np.nan, np.float32)
        bf.describe_blocks(
            first, last, arrays.elements, arrays.blocks, words, sums, arrays.counts, arrays.types, before, part
        )
        rows[first:last] = part
    return rows


def test_every_number_is_written() -> None:
    rows = describe(PAGE.encode())
    assert not np.isnan(rows).any()
    assert bf.FEATURES == 235 == sum(bf.FEATURE_GROUPS.values())


def test_pieces_are_as_the_whole() -> None:
    for at_once in (1, 3, 7):
        np.testing.assert_array_equal(describe(PAGE.encode(), at_once), describe(PAGE.encode()))


def test_features_of_the_page_are_equal_for_all_its_blocks() -> None:
    rows = describe(PAGE.encode())[:, bf.PAGE_FEATURES]
    assert (rows == rows[0]).all()
    assert rows[0, 2] == len(rows) and rows[0, 6] == 1


def test_own_features() -> None:
    arrays, _, _ = describe_page(np.frombuffer(PAGE.encode(), np.uint8))
    rows = describe(PAGE.encode())
    characters = arrays.blocks[:, pg.CHARACTERS]
    np.testing.assert_allclose(rows[:, 0], np.log1p(characters), rtol=1e-6)
    assert rows[0, 2] == 1.0 and rows[2, 2] == 0.0  # the share of links
    assert rows[-1, 12] == 1 and rows[-1, 13] == 1 and rows[-1, 15] == 1  # a price, a copyright, a line break


def test_no_feature_is_constant_on_real_pages() -> None:
    """Some would be if hashes were compared at different widths: roles, function words and types in JSON-LD were."""
    from benchmarks.extract import pages

    rows = np.vstack([describe(payload) for _, payload, _ in pages([str(shared("web/wcxb-dev.warc.gz"))], 12)])
    constant = np.flatnonzero(rows.min(0) == rows.max(0))
    assert len(constant) <= 8, constant  # flags and types that none of these pages has
