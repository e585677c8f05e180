import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.remix.epochs import BINS, Domain, copies_of, phase_of
from dspipe.stages.remix.mixture import plan_mixture
from dspipe.stages.remix.weights import Wish


def domain(name: str, tokens: int, documents: int = 1000) -> Domain:
    bins = np.full(BINS, tokens // BINS, np.int64)
    bins[0] += tokens - bins.sum()
    return Domain(name, documents, tokens, bins)


WEB, BOOKS, CODE = domain("web", 1_000_000), domain("books", 100_000), domain("code", 50_000)
ALL = [WEB, BOOKS, CODE]


def drawn(plan: dict[str, Any]) -> dict[str, int]:
    return {entry["domain"]: entry["tokens_drawn"] for entry in plan["domains"]}


def test_weights_are_parts_of_the_budget() -> None:
    plan = plan_mixture(ALL, [Wish(weights={"web": 0.6, "books": 0.2, "code": 0.2})], 500_000, 4, {})
    assert drawn(plan) == {"web": 300_000, "books": 100_000, "code": 100_000}
    assert [entry["epochs"] for entry in plan["domains"]] == [0.3, 1.0, 2.0]
    assert [entry["weight_got"] for entry in plan["domains"]] == [0.6, 0.2, 0.2]


def test_without_a_budget_the_caps_say_how_much() -> None:
    plan = plan_mixture(ALL, [Wish(weights={"web": 0.6, "books": 0.2, "code": 0.2})], None, 4, {})
    # code's 50,000 tokens in 4 epochs are a fifth of a million
    assert plan["tokens"] == 1_000_000
    natural = plan_mixture(ALL, [Wish()], None, 4, {})
    assert drawn(natural) == {"web": 1_000_000, "books": 100_000, "code": 50_000}


def test_a_budget_above_the_caps_is_refused_with_the_arithmetic() -> None:
    with pytest.raises(ConfigError) as caught:
        plan_mixture(ALL, [Wish(weights={"web": 0.6, "books": 0.2, "code": 0.2})], 2e6, 4, {})
    message = str(caught.value)
    assert "'code': 0.2 of 2e+06 is 400000, but 50,000 tokens in 4 epochs are 200000" in message
    assert "'books'" not in message  # its 400,000 are just four epochs
    assert "The largest budget these caps allow is 1e+06" in message


def test_what_is_too_much_is_taken_as_far_as_it_goes_where_that_is_asked_for() -> None:
    weights = {"web": 0.6, "books": 0.2, "code": 0.2}
    bent = plan_mixture(ALL, [Wish(weights=weights)], 2e6, 4, {"code": 1e6}, bend=True)
    assert drawn(bent) == pytest.approx({"web": 600_000, "books": 200_000, "code": 200_000}, abs=1)
    within = plan_mixture(ALL, [Wish(weights=weights)], 500_000, 4, {"code": 120_000}, bend=True)
    assert drawn(within) == pytest.approx({"web": 285_000, "books": 95_000, "code": 120_000}, abs=1)
    phases = [Wish(0.5, weights=weights), Wish(0.5, unimax=True)]
    assert sum(drawn(plan_mixture(ALL, phases, 1e9, 4, {}, bend=True)).values()) <= 4 * 1_150_000


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"web": 0.6, "books": 0.2, "code": 0.3}, "0.6 \\+ 0.2 \\+ 0.3 = 1.1"),
        ({"web": 60, "books": 20, "code": 20}, "percents"),
        ({"web": 0.6, "books": 0.4}, "no weight is given for 'code' \\(1,000 documents\\)"),
        ({"web": 0.5, "books": 0.2, "code": 0.2, "law": 0.1}, "no document of domain 'law' is kept"),
        ({"web": 1.5, "books": -0.5, "code": 0}, "below 0"),
    ],
)
def test_weights_that_cannot_be(weights: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_mixture(ALL, [Wish(weights=weights)], None, 4, {})


def test_domains_without_a_weight_can_be_dropped() -> None:
    plan = plan_mixture(ALL, [Wish(weights={"web": 0.5, "books": 0.5})], 200_000, 4, {}, others="drop")
    assert drawn(plan) == {"web": 100_000, "books": 100_000, "code": 0}


def test_a_domain_of_empty_documents_cannot_have_a_weight() -> None:
    with pytest.raises(ConfigError, match=r"'empty': 0\.5 of 1000 is 500, but 0 tokens"):
        plan_mixture([WEB, domain("empty", 0)], [Wish(weights={"web": 0.5, "empty": 0.5})], 1000, 4, {})


def test_multipliers() -> None:
    plan = plan_mixture(ALL, [Wish(multipliers={"books": 2, "code": 0})], None, 4, {})
    assert drawn(plan) == {"web": 1_000_000, "books": 200_000, "code": 0}
    with pytest.raises(ConfigError, match="'books'"):
        plan_mixture(ALL, [Wish(multipliers={"books": 5})], None, 4, {})
    scaled = plan_mixture(ALL, [Wish(multipliers={"books": 2, "code": 0})], 600_000, 4, {})
    assert drawn(scaled) == {"web": 500_000, "books": 100_000, "code": 0}


def test_temperature_flattens_and_bends_to_the_caps() -> None:
    flat = drawn(plan_mixture(ALL, [Wish(temperature=2)], 300_000, 4, {}))
    assert flat["code"] / flat["web"] == pytest.approx(math.sqrt(0.05), rel=1e-3)
    capped = drawn(plan_mixture(ALL, [Wish(temperature=1000)], 900_000, 4, {}))
    assert capped["code"] == 200_000
    assert sum(capped.values()) == pytest.approx(900_000, abs=3)


def slow_unimax(sizes: dict[str, int], budget: float, epochs: int) -> dict[str, float]:
    """Algorithm 1 of the paper: smallest first, an even part of what is left, at most so many epochs."""
    parts = {}
    left = budget
    for i, (name, size) in enumerate(sorted(sizes.items(), key=lambda item: item[1])):
        parts[name] = min(left / (len(sizes) - i), size * epochs)
        left -= parts[name]
    return parts


@settings(deadline=None)
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=6), st.floats(0.01, 1), st.integers(1, 5))
def test_unimax_is_the_papers(sizes: list[int], part: float, epochs: int) -> None:
    domains = [domain(f"d{i}", size) for i, size in enumerate(sizes)]
    budget = part * epochs * sum(sizes)
    plan = plan_mixture(domains, [Wish(unimax=True)], budget, epochs, {})
    expected = slow_unimax({d.name: d.tokens for d in domains}, budget, epochs)
    for name, tokens in drawn(plan).items():
        assert tokens == pytest.approx(expected[name], abs=1, rel=1e-6)


def test_minimum_tokens_of_a_rare_domain() -> None:
    plan = plan_mixture(ALL, [Wish()], 230_000, 4, {"code": 50_000})
    got = drawn(plan)
    assert got["code"] == 50_000
    assert got["web"] / got["books"] == pytest.approx(10, rel=1e-3)
    assert sum(got.values()) == pytest.approx(230_000, abs=3)
    with pytest.raises(ConfigError, match="min_tokens asks 300000 tokens of 'code'"):
        plan_mixture(ALL, [Wish()], 230_000, 4, {"code": 300_000})
    with pytest.raises(ConfigError, match="there is no domain 'law'"):
        plan_mixture(ALL, [Wish()], 230_000, 4, {"law": 1})


def test_phases_follow_each_other_on_the_axis() -> None:
    wishes = [
        Wish(0.9, weights={"web": 0.8, "books": 0.1, "code": 0.1}),
        Wish(0.1, weights={"web": 0.1, "books": 0.1, "code": 0.8}),
    ]
    plan = plan_mixture(ALL, wishes, 400_000, 4, {})
    assert [phase["tokens"] for phase in plan["phases"]] == [360_000, 40_000]
    code = next(entry for entry in plan["domains"] if entry["domain"] == "code")
    assert code["tokens_drawn"] == 36_000 + 32_000
    assert code["edges"] == pytest.approx([0.72, 1.36], abs=0.02)  # its bins are not all alike
    web = next(entry for entry in plan["domains"] if entry["domain"] == "web")
    assert web["edges"] == pytest.approx([0.288, 0.292], abs=2e-3)


def test_nothing_kept() -> None:
    plan = plan_mixture([], [Wish()], None, 4, {})
    assert (plan["tokens"], plan["domains"]) == (0, [])


@settings(deadline=None)
@given(st.lists(st.integers(0, 100), min_size=BINS, max_size=BINS), st.floats(0, 3))
def test_an_edge_draws_the_tokens_of_the_plan_up_to_one_bin(bins: list[int], epochs: float) -> None:
    tokens = np.array(bins, np.int64)
    total = int(tokens.sum())
    if total == 0:
        return
    plan = plan_mixture([Domain("d", 1, total, tokens)], [Wish(weights={"d": 1.0})], max(epochs * total, 1e-9), 4, {})
    # a document at the middle of each bin
    place = (np.arange(BINS) + 0.5) / BINS
    copies = copies_of(place, np.full(BINS, plan["domains"][0]["edges"][-1]))
    assert abs(int((copies * tokens).sum()) - epochs * total) <= tokens.max() + 1


@settings(deadline=None)
@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=20), st.lists(st.floats(0, 3), min_size=1, max_size=4))
def test_each_copy_has_a_phase(places: list[float], steps: list[float]) -> None:
    place, edges = np.array(places), np.cumsum(steps)
    copies = copies_of(place, np.full(len(place), edges[-1]))
    for one, count in zip(place, copies, strict=True):
        copy = np.arange(count)
        found = phase_of(np.full(count, one), copy, np.tile(edges, (count, 1)))
        for k, phase in zip(copy.tolist(), found.tolist(), strict=True):
            assert phase < len(edges)
            below = copies_of(np.array([one]), edges[phase : phase + 1])[0]
            before = copies_of(np.array([one]), edges[phase - 1 : phase])[0] if phase else 0
            assert before <= k < below
