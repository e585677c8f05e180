from typing import Any

import pytest
from pydantic import ValidationError

from dspipe.stages.remix.settings import Grouping, Mixture, MixtureRequest, Part, RemixConfig


@pytest.mark.parametrize(
    "settings",
    [
        {"weights": {"a": 1}, "temperature": 2},
        {"tokens": 0},
        {"phases": [{"share": 0.5}]},
        {"phases": [{"share": 1}], "unimax": True},
        {"max_epochs": -1},
        {"weight": {"a": 1}},
        {"weights": {"a": -0.5, "b": 1.5}},
        {"importance": {"target": "x"}, "phases": [{"share": 1}]},
        {"importance": {"target": "x", "buckets": 2}},
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RemixConfig.model_validate(settings)


def test_minimum_tokens_above_the_budget_are_refused_before_any_work() -> None:
    with pytest.raises(ValidationError, match="min_tokens asks 4,000 tokens, more than the budget: tokens is 3,000"):
        RemixConfig.model_validate({"tokens": 3000, "min_tokens": {"a": 2000, "b": 2000}})
    assert RemixConfig.model_validate({"tokens": 4000, "min_tokens": {"a": 2000, "b": 2000}}).tokens == 4000


def test_numbers_as_yaml_reads_them() -> None:
    config = RemixConfig.model_validate({"tokens": "2e12", "max_epochs": {"web": "4"}})
    assert (config.tokens, config.max_epochs) == (2e12, {"web": 4.0})


def test_one_mixture_is_a_single_part() -> None:
    assert MixtureRequest.model_validate({"temperature": 3}).parts == [Part(share=1, temperature=3)]
    parts = [{"share": 0.4, "unimax": True}, {"share": 0.6, "weights": {"a": 1}}]
    assert MixtureRequest.model_validate({"phases": parts}).parts == [Part.model_validate(part) for part in parts]


def test_what_is_to_be_met_or_refused() -> None:
    strict = [{"weights": {"a": 1}}, {"multipliers": {"a": 1}}]
    assert all(Mixture.model_validate(given).strict for given in strict)
    assert not any(Mixture.model_validate(given).strict for given in ({}, {"unimax": True}, {"temperature": 2}))


def test_a_request_is_read_again_as_it_was_written() -> None:
    """As the phases are given it: JSON values without the settings of others."""
    given = {"weights": {"a": 1}, "tokens": "1e6", "groups": {"a": ["b"]}, "importance": {"target": "x"}}
    config = RemixConfig.model_validate(given)
    request = config.model_dump(mode="json", include=set(MixtureRequest.model_fields))
    assert not {"groups", "importance"} & set(request)
    again = MixtureRequest.model_validate(request)
    assert (again.weights, again.tokens, again.max_epochs) == ({"a": 1}, 1e6, 4)


def test_columns_that_a_grouping_reads() -> None:
    def columns(by: str, by_importance: bool = False) -> tuple[str, ...]:
        return Grouping(by=by, groups=None, unit="tokens", by_importance=by_importance).columns

    assert columns("domain") == ("origin", "domain", "tokens", "reason")
    assert columns("host", True) == ("origin", "url", "tokens", "reason", "remix.position")
    assert columns("id") == ("origin", "id", "tokens", "reason")
