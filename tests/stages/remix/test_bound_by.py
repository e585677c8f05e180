"""What binds each domain, as plans say it."""

from typing import Any

import numpy as np
import pytest

from dspipe.stages.remix.epochs import Domain, Scores
from dspipe.stages.remix.mixture import plan_mixture
from dspipe.stages.remix.settings import MixtureRequest
from tests.stages.remix.domains import ALL, make_domain


def scored(name: str, tokens: int) -> Domain:
    """A domain whose tokens are spread evenly over a hundred scores."""
    bins = np.full(100, tokens // 100, np.int64)
    return Domain(name, 100, int(bins.sum()), bins, Scores(np.arange(100), 100, np.zeros(100)))


SCORED = [scored("web", 1_000_000), scored("books", 100_000)]
HALVES = {"web": 0.5, "books": 0.5}
CURVE = {"of": "x", "max_epochs": 5}


@pytest.mark.parametrize(
    ("domains", "request_", "expected"),
    [
        (ALL, {}, {"web": "as asked", "books": "as asked", "code": "as asked"}),
        (
            ALL,
            {"unimax": True, "tokens": 900_000},
            {
                "web": "more, since others are bound",
                "books": "more, since others are bound",
                "code": "cap: max_epochs 4",
            },
        ),
        (
            ALL,
            {"tokens": 500_000, "min_tokens": {"code": 100_000}},
            {
                "web": "less, since others have their minimum",
                "books": "less, since others have their minimum",
                "code": "floor: min_tokens 100,000 tokens",
            },
        ),
        ([*ALL, make_domain("empty", 0)], {"tokens": 500_000}, {"empty": "supply: there is nothing of it"}),
        (
            SCORED,
            {"weights": HALVES, "curve": CURVE},
            {"web": "as asked", "books": "cap: curve.max_epochs 5 of the 0.6 above drop_below"},
        ),
        (SCORED, {"weights": HALVES, "curve": {**CURVE, "max_epochs": 9}}, {"books": "cap: max_epochs 4"}),
    ],
)
def test_what_binds(domains: list[Domain], request_: dict[str, Any], expected: dict[str, str]) -> None:
    plan = plan_mixture(domains, MixtureRequest.model_validate(request_), seed=1)
    said = {domain.domain: domain.bound_by for domain in plan.domains}
    assert {name: said[name] for name in expected} == expected


def test_a_curve_allows_less_than_its_highest_epochs() -> None:
    plan = plan_mixture(SCORED, MixtureRequest.model_validate({"weights": HALVES, "curve": CURVE}), seed=1)
    books = next(domain for domain in plan.domains if domain.domain == "books")
    assert books.epochs == pytest.approx(3) and plan.tokens == 600_000  # 5 epochs of the upper 60 %
    assert books.curve is not None and (books.curve.highest, books.curve.power) == (5, 0)
