"""The choice of blocks: the best expected F1 by trying all thresholds, and what belongs together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.html.choose_blocks import HIGHEST, LOWEST, choose_blocks
from tests.kernels.html.scanned import block_texts, scan


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30)), min_size=1, max_size=12))
def test_the_threshold_is_half_of_the_best_expected_f1(given_blocks: list[tuple[int, int]]) -> None:
    arrays = scan("<p>x" * len(given_blocks))
    probability = np.array([p / 100 for p, _ in given_blocks])
    counts = np.array([n for _, n in given_blocks], np.int32)
    keep, best = choose_blocks(probability, counts, arrays.elements, arrays.blocks, False)
    total = float(probability @ counts)
    by_threshold = []
    for threshold in sorted(set(probability)):
        kept = probability >= threshold
        by_threshold.append(2 * float((probability * counts)[kept].sum()) / (counts[kept].sum() + total + 1e-9))
    assert best == pytest.approx(max(by_threshold), abs=1e-9) or best >= max(by_threshold)
    assert keep.tolist() == (probability >= min(max(best / 2, LOWEST), HIGHEST)).tolist()


def kept(page: str, probabilities: list[float], whole: bool = True) -> list[str]:
    arrays, texts = scan(page), block_texts(page)
    counts = np.array([len(text.split()) for text in texts], np.int32)
    keep, _ = choose_blocks(np.array(probabilities), counts, arrays.elements, arrays.blocks, whole)
    return [text for text, kept in zip(texts, keep, strict=True) if kept]


LONG = "many words of a paragraph that is kept in any case, and some more of them"


def test_tables_are_kept_or_dropped_whole() -> None:
    table = "<table><tr><td>a b<td>c d<tr><td>e f<td>g h</table>"
    page = f"<p>{LONG}</p>{table}"
    assert kept(page, [0.9, 0.9, 0.1, 0.9, 0.9]) == [LONG, "a b", "c d", "e f", "g h"]
    assert kept(page, [0.9, 0.9, 0.1, 0.1, 0.1]) == [LONG]
    assert kept(page, [0.9, 0.9, 0.1, 0.1, 0.1], whole=False) == [LONG, "a b"]


def test_a_table_between_what_is_kept_stays() -> None:
    table = "<table><tr><td>a<td>b</table>"
    page = f"<p>{LONG}</p><h2>Part</h2>{table}<p>{LONG}</p>{table}<p>menu</p>"
    assert kept(page, [0.9, 0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1]) == [LONG, "Part", "a", "b", LONG]


def test_a_table_that_lays_the_page_out_is_no_table() -> None:
    page = f"<table><tr><td>menu<td>{LONG}</table>"
    assert kept(page, [0.05, 0.9]) == [LONG]


def test_code_beside_what_is_kept_stays() -> None:
    page = f"<p>{LONG}</p><pre>code()</pre><p>menu</p><pre>other()</pre>"
    assert kept(page, [0.9, 0.1, 0.05, 0.1]) == [LONG, "code()"]


def test_headings_of_what_is_kept_stay() -> None:
    page = f"<h1>Title</h1><h2>Menu</h2><p>x</p><h2>Part</h2><h3>Of it</h3><p>{LONG}</p>"
    assert kept(page, [0.05, 0.05, 0.05, 0.1, 0.1, 0.9]) == ["Title", "Of it", LONG]
    assert kept(page, [0.05, 0.05, 0.05, 0.05, 0.05, 0.05]) == []
