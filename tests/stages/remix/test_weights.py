from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.remix.settings import Mixture
from dspipe.stages.remix.weights import list_names, weigh_domains
from tests.stages.remix.domains import ALL, make_domain


def weigh(others: str = "refuse", **mixture: Any) -> list[float]:
    return [float(weight) for weight in weigh_domains(ALL, Mixture.model_validate(mixture), others)]


def test_natural_weights_are_in_proportion_to_what_there_is() -> None:
    assert weigh() == pytest.approx([1 / 1.15, 0.1 / 1.15, 0.05 / 1.15])


def test_given_weights_stay_as_they_are() -> None:
    assert weigh(weights={"code": 0.2, "web": 0.5, "books": 0.3}) == [0.5, 0.3, 0.2]
    assert weigh("drop", weights={"web": 1.0}) == [1.0, 0.0, 0.0]


def test_multipliers_are_one_where_not_named() -> None:
    assert weigh(multipliers={"books": 2}) == pytest.approx([1 / 1.25, 0.2 / 1.25, 0.05 / 1.25])
    assert weigh(multipliers={"web": 0, "books": 0, "code": 0}) == [0, 0, 0]


def test_temperature_is_a_root() -> None:
    roots = np.sqrt([1_000_000, 100_000, 50_000])
    assert weigh(temperature=2) == pytest.approx(roots / roots.sum())


def test_unimax_leaves_out_empty_domains() -> None:
    domains = [*ALL, make_domain("empty", 0)]
    assert weigh_domains(domains, Mixture(unimax=True), "refuse").tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"web": 0.6, "books": 0.2, "code": 0.3}, "0.6 \\+ 0.2 \\+ 0.3 = 1.1"),
        ({"web": 60, "books": 20, "code": 20}, "in proportion {web: 0.6, books: 0.2, code: 0.2}"),
        ({"web": 0.6, "books": 0.4}, "no weight is given for 'code' \\(1,000 documents\\)"),
        ({"web": 0.5, "books": 0.2, "code": 0.2, "law": 0.1}, "no document of domain 'law' is kept"),
    ],
)
def test_weights_that_cannot_be(weights: dict[str, float], message: str) -> None:
    with pytest.raises((ConfigError, ValidationError), match=message):
        weigh(weights=weights)


def test_multipliers_of_no_domain() -> None:
    with pytest.raises(ConfigError, match="multipliers: no document of domain 'law' is kept; there are books, code"):
        weigh(multipliers={"law": 2})
    assert weigh(multipliers={"law": 0})[0] > 0.8


def test_long_lists_of_names_are_cut() -> None:
    assert list_names([]) == "none"
    assert list_names(["b", "a"]) == "a, b"
    assert list_names(str(i) for i in range(10, 25)).endswith("19 and 5 more")


def test_temperatures_near_nothing_leave_the_largest() -> None:
    assert weigh(temperature=1e-9) == [1, 0, 0]
    assert weigh(temperature=1e300) == pytest.approx([1 / 3] * 3)
