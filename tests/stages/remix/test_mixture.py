import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.remix.epochs import BINS, Domain, count_copies
from dspipe.stages.remix.mixture import plan_mixture
from dspipe.stages.remix.mixture_plan import MixturePlan
from dspipe.stages.remix.settings import MixtureRequest
from tests.stages.remix.domains import ALL, WEB, make_domain

THREE = {"web": 0.6, "books": 0.2, "code": 0.2}


def plan(domains: Sequence[Domain] = ALL, clamp: bool = False, **request: Any) -> MixturePlan:
    return plan_mixture(domains, MixtureRequest.model_validate(request), seed=1, clamp=clamp)


def drawn(mixture: MixturePlan) -> dict[str, int]:
    return {domain.domain: domain.tokens_drawn for domain in mixture.domains}


def test_weights_are_parts_of_the_budget() -> None:
    mixture = plan(weights=THREE, tokens=500_000)
    assert drawn(mixture) == {"web": 300_000, "books": 100_000, "code": 100_000}
    assert [domain.epochs for domain in mixture.domains] == [0.3, 1.0, 2.0]
    assert [domain.weight_got for domain in mixture.domains] == [0.6, 0.2, 0.2]
    assert (mixture.budget, mixture.unit, mixture.by, mixture.seed) == (500_000, "tokens", "domain", 1)


def test_without_a_budget_the_caps_say_how_much() -> None:
    # code's 50,000 tokens in 4 epochs are a fifth of a million
    assert plan(weights=THREE).tokens == 1_000_000
    assert drawn(plan()) == {"web": 1_000_000, "books": 100_000, "code": 50_000}


def test_a_budget_above_the_caps_is_refused_with_the_arithmetic() -> None:
    with pytest.raises(ConfigError) as caught:
        plan(weights=THREE, tokens=2e6)
    message = str(caught.value)
    assert "'code': 0.2 of 2e+06 is 400000, but its 50,000 tokens in 4 epochs are 200000" in message
    assert "'books'" not in message  # its 400,000 are just four epochs
    assert "The largest budget these caps allow is 1e+06" in message


def test_what_is_too_much_is_taken_as_far_as_it_goes_where_that_is_asked_for() -> None:
    clamped = plan(clamp=True, weights=THREE, tokens=2e6, min_tokens={"code": 1e6})
    assert drawn(clamped) == pytest.approx({"web": 600_000, "books": 200_000, "code": 200_000}, abs=1)
    within = plan(clamp=True, weights=THREE, tokens=500_000, min_tokens={"code": 120_000})
    assert drawn(within) == pytest.approx({"web": 285_000, "books": 95_000, "code": 120_000}, abs=1)
    phases = [{"share": 0.5, "weights": THREE}, {"share": 0.5, "unimax": True}]
    assert sum(drawn(plan(clamp=True, phases=phases, tokens=1e9)).values()) <= 4 * 1_150_000


def test_a_domain_of_empty_documents_cannot_have_a_weight() -> None:
    with pytest.raises(ConfigError, match=r"'empty': 0\.5 of 1000 is 500, but its 0 tokens"):
        plan([WEB, make_domain("empty", 0)], weights={"web": 0.5, "empty": 0.5}, tokens=1000)


def test_epochs_without_end_of_a_domain_of_empty_documents_are_nothing() -> None:
    mixture = plan([WEB, make_domain("empty", 0)], max_epochs={"web": 2}, tokens=1_500_000)
    assert drawn(mixture) == {"web": 1_500_000, "empty": 0}


def test_multipliers() -> None:
    assert drawn(plan(multipliers={"books": 2, "code": 0})) == {"web": 1_000_000, "books": 200_000, "code": 0}
    with pytest.raises(ConfigError, match="'books'"):
        plan(multipliers={"books": 5})
    scaled = plan(multipliers={"books": 2, "code": 0}, tokens=600_000)
    assert drawn(scaled) == {"web": 500_000, "books": 100_000, "code": 0}


def test_temperature_flattens_and_gives_way_to_the_caps() -> None:
    flat = drawn(plan(temperature=2, tokens=300_000))
    assert flat["code"] / flat["web"] == pytest.approx(math.sqrt(0.05), rel=1e-3)
    capped = drawn(plan(temperature=1000, tokens=900_000))
    assert capped["code"] == 200_000
    assert sum(capped.values()) == pytest.approx(900_000, abs=3)


def slow_unimax(sizes: dict[str, int], budget: float, epochs: int) -> dict[str, float]:
    """Algorithm 1 of the paper: smallest first, an even part of what is left, at most so many epochs."""
    parts: dict[str, float] = {}
    left = budget
    for i, (name, size) in enumerate(sorted(sizes.items(), key=lambda item: item[1])):
        parts[name] = min(left / (len(sizes) - i), size * epochs)
        left -= parts[name]
    return parts


@settings(deadline=None)
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=6), st.floats(0.01, 1), st.integers(1, 5))
def test_unimax_is_the_papers(sizes: list[int], part: float, epochs: int) -> None:
    domains = [make_domain(f"d{i}", size) for i, size in enumerate(sizes)]
    budget = part * epochs * sum(sizes)
    mixture = plan(domains, unimax=True, tokens=budget, max_epochs=epochs)
    expected = slow_unimax({d.name: d.tokens for d in domains}, budget, epochs)
    for name, tokens in drawn(mixture).items():
        assert tokens == pytest.approx(expected[name], abs=1, rel=1e-6)


def test_minimum_tokens_of_a_rare_domain() -> None:
    got = drawn(plan(tokens=230_000, min_tokens={"code": 50_000}))
    assert got["code"] == 50_000
    assert got["web"] / got["books"] == pytest.approx(10, rel=1e-3)
    assert sum(got.values()) == pytest.approx(230_000, abs=3)
    with pytest.raises(ConfigError, match="min_tokens asks 300000 tokens of 'code'"):
        plan(tokens=400_000, min_tokens={"code": 300_000})
    for key in ("min_tokens", "max_epochs"):
        request: dict[str, Any] = {key: {"law": 1}}
        with pytest.raises(ConfigError, match="there is no domain 'law'") as error:
            plan(tokens=230_000, **request)
        assert error.value.key == (key, "law")


def test_minimum_tokens_that_leave_too_little_for_the_weights() -> None:
    with pytest.raises(ConfigError, match=r"minimum tokens and epochs make it web .* = 1.05e\+06"):
        plan(weights=THREE, min_tokens={"web": 950_000, "books": 100_000})


def test_phases_follow_each_other() -> None:
    phases = [
        {"share": 0.9, "weights": {"web": 0.8, "books": 0.1, "code": 0.1}},
        {"share": 0.1, "weights": {"web": 0.1, "books": 0.1, "code": 0.8}},
    ]
    mixture = plan(phases=phases, tokens=400_000)
    assert [phase.tokens for phase in mixture.phases] == [360_000, 40_000]
    web, _, code = mixture.domains
    assert code.tokens_drawn == 36_000 + 32_000
    assert code.epochs_by_phase == pytest.approx([0.72, 1.36], abs=0.02)  # its bins are not all alike
    assert web.epochs_by_phase == pytest.approx([0.288, 0.292], abs=2e-3)


def test_nothing_kept() -> None:
    mixture = plan([])
    assert (mixture.tokens, mixture.domains) == (0, ())


@settings(deadline=None)
@given(st.lists(st.integers(0, 100), min_size=BINS, max_size=BINS), st.floats(0, 3))
def test_the_draw_has_the_tokens_of_the_plan_up_to_one_bin(counts: list[int], epochs: float) -> None:
    bins = np.array(counts, np.int64)
    total = int(bins.sum())
    if total == 0:
        return
    mixture = plan([Domain("d", 1, total, bins)], weights={"d": 1.0}, tokens=max(epochs * total, 1e-9))
    # a document at the middle of each bin
    positions = (np.arange(BINS) + 0.5) / BINS
    copies = count_copies(positions, np.full(BINS, mixture.domains[0].epochs_by_phase[-1]))
    assert abs(int((copies * bins).sum()) - epochs * total) <= bins.max() + 1
