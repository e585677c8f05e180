"""Fill-in-the-middle: what is rearranged can be put back, as much of it as asked for, the same at every run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.pack.fim import SENTINELS, plan_layout, rearrange, restore
from dspipe.stages.pack.settings import FillInTheMiddle

KEYS = np.random.default_rng(6).integers(0, 2**64, 20_000, np.uint64)
PREFIX, SUFFIX, MIDDLE = 1001, 1002, 1003


def set_by_hand(text: list[int], layout: int, a: int, b: int) -> list[int]:
    """A document's stream as the paper writes it."""
    if layout == 1:
        return [PREFIX, *text[:a], SUFFIX, *text[b:], MIDDLE, *text[a:b]]
    return [PREFIX, SUFFIX, *text[b:], MIDDLE, *text[:a], *text[a:b]] if layout == 2 else text


@given(st.lists(st.integers(0, 999), max_size=30), st.integers(0, 2), st.data())
def test_what_was_rearranged_can_be_put_back(text: list[int], layout: int, data: st.DataObject) -> None:
    a, b = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    stream = np.array(set_by_hand(text, layout, a, b), np.int64)
    assert len(stream) == len(text) + SENTINELS * (layout > 0)
    assert restore(stream, layout, (a, b)).tolist() == text


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.floats(0, 1), st.floats(0, 1))
def test_cuts_lie_within_the_document(lengths: list[int], rate: float, second_form: float) -> None:
    sizes = np.array(lengths, np.int64)
    chosen = np.arange(len(sizes)) % 3 > 0
    found = rearrange(KEYS[: len(sizes)], sizes, chosen, rate, second_form)
    layout, cuts = found.layout, found.cuts
    assert (cuts[:, 0] <= cuts[:, 1]).all() and (cuts[:, 1] <= sizes).all() and (cuts >= 0).all()
    assert not layout[~chosen].any() and not layout[sizes == 0].any()
    assert not cuts[layout == 0].any()
    if rate == 1:
        assert ((layout > 0) == chosen & (sizes > 0)).all()


def test_as_many_as_asked_for_with_cuts_spread_evenly() -> None:
    sizes = np.full(len(KEYS), 99, np.int64)
    found = rearrange(KEYS, sizes, np.ones(len(KEYS), bool), 0.3, 0.25)
    layout, cuts = found.layout, found.cuts
    assert (layout > 0).mean() == pytest.approx(0.3, abs=0.015)
    assert (layout[layout > 0] == 2).mean() == pytest.approx(0.25, abs=0.025)
    taken = cuts[layout > 0] / 99
    # two points drawn evenly: the lower is at a third, the upper at two thirds
    assert taken.mean(axis=0) == pytest.approx([1 / 3, 2 / 3], abs=0.02)
    assert {0, 99} <= set(cuts[layout > 0].ravel().tolist())
    again = rearrange(KEYS, sizes, np.ones(len(KEYS), bool), 0.3, 0.25)
    assert (again.layout == layout).all() and (again.cuts == cuts).all()


def test_a_document_is_drawn_by_its_own_key_alone() -> None:
    sizes = np.arange(1, 101, dtype=np.int64)
    found = rearrange(KEYS[:100], sizes, np.ones(100, bool), 0.5, 0.5)
    order = np.random.default_rng(1).permutation(100)
    other = rearrange(KEYS[:100][order], sizes[order], np.ones(100, bool), 0.5, 0.5)
    assert (other.layout == found.layout[order]).all() and (other.cuts == found.cuts[order]).all()
    # a higher rate takes those of the lower one too
    more = rearrange(KEYS[:100], sizes, np.ones(100, bool), 0.8, 0.5)
    assert ((more.layout > 0) >= (found.layout > 0)).all()


def test_only_the_domains_named() -> None:
    names = ["books", "code", "web"]
    domain = np.arange(1000, dtype=np.int32) % 3
    keys, sizes = KEYS[:1000], np.full(1000, 9, np.int64)
    found = plan_layout(FillInTheMiddle(rate=1, domains=["code", "none"]), keys, sizes, domain, names)
    assert ((found.layout > 0) == (domain == 1)).all()
    for fim in (None, FillInTheMiddle(rate=0)):
        assert not plan_layout(fim, keys, sizes, domain, names).layout.any()
