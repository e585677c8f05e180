import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup import shingle_sets as kernel
from dspipe.kernels.dedup.shingle_sets import set_hashes, shingle_sets
from tests.kernels.dedup.test_minhash import GOLDEN, WORDS, mix_slowly
from tests.kernels.dedup.test_units import MASK, hash_slowly, units_slowly


def set_slowly(text: str, width: int, symbols: bool = False, longest: int = 1 << 22) -> list[int]:
    """The sorted hashes of a text's shingles, with a Python set."""
    units = [mix_slowly(hash_slowly(unit)) for unit in units_slowly(text, symbols)][:longest]
    if len(units) <= width:
        x = len(units)
        for unit in units:
            x = mix_slowly((x * GOLDEN + unit) & MASK)
        return [x] if units else []
    found = set()
    for start in range(len(units) - width + 1):
        x = 0
        for unit in units[start : start + width]:
            x = (x * GOLDEN + unit) & MASK
        found.add(mix_slowly(x))
    return sorted(found)


def sets_of(texts: list[str | None], width: int, **settings: bool | int) -> list[list[int]]:
    rows = np.arange(len(texts))
    sets = shingle_sets(*text_buffers(pa.array(texts, pa.large_string())), rows, width, **settings)  # type: ignore[arg-type]
    assert sets.sizes.tolist() == np.diff(sets.offsets).tolist()
    return [part.tolist() for part in np.split(sets.hashes, sets.offsets[1:-1])]


@settings(max_examples=80, deadline=None)
@given(st.lists(WORDS.map(" ".join), min_size=1, max_size=4), st.integers(1, 8), st.booleans())
def test_the_shingles_as_python_sets(texts: list[str], width: int, symbols: bool) -> None:
    assert sets_of([*texts], width, symbols=symbols) == [set_slowly(text, width, symbols) for text in texts]


@pytest.mark.parametrize("width", [1, 5])
def test_long_documents_cross_blocks(width: int) -> None:
    texts = ["a few words", " ".join(f"word{n * n} 字" for n in range(5000)), "+-*/" * 9000, "end"]
    for symbols in (False, True):
        assert sets_of([*texts], width, symbols=symbols) == [set_slowly(text, width, symbols) for text in texts]


def test_a_shingle_that_is_repeated_is_one_element() -> None:
    assert [len(found) for found in sets_of(["la " * 20_000, "la " * 20_000 + "li"], 3)] == [1, 2]


def test_buckets_that_are_large_are_sorted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes with the same upper bits, as a text made on purpose may have."""
    hashes = np.concatenate([np.arange(500, 0, -1, dtype=np.uint64), np.array([2**63, 2**62], np.uint64)])
    out, starts = np.empty(502, np.uint64), np.empty(504, np.uint32)
    kernel._sort(hashes, 502, starts, out)
    assert out.tolist() == sorted(hashes.tolist())


def test_texts_without_units_and_nulls_are_empty_and_only_the_rows_asked_for_are_taken() -> None:
    texts = ["", None, "…—!", "one", "two"]
    assert [len(found) for found in sets_of([*texts], 5)] == [0, 0, 0, 1, 1]
    sets = shingle_sets(*text_buffers(pa.array(texts, pa.large_string())), np.array([4, 2, 4]), 5)
    assert sets.sizes.tolist() == [1, 0, 1] and sets.hashes[0] == sets.hashes[1] == set_slowly("two", 5)[0]


def test_of_a_text_that_is_too_long_the_beginning_counts() -> None:
    text = " ".join(map(str, range(100)))
    assert sets_of([text], 5, longest=40) == [set_slowly(text, 5, longest=40)]
    assert sets_of([text], 5, longest=3) == [set_slowly(text, 5, longest=3)]


def test_equal_sets_have_equal_hashes() -> None:
    texts = ["one two three four five six", "One, two; three four five six!", "one two three four five", ""]
    sets = shingle_sets(*text_buffers(pa.array(texts, pa.large_string())), np.arange(4), 5)
    hashes = set_hashes(sets).tolist()
    assert hashes[0] == hashes[1] and len(set(hashes)) == 3
