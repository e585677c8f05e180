"""Which part of each domain and language is sampled."""

from typing import Any

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.tokenizer.rates import compute_rates
from dspipe.tokenizer.settings import TrainSettings

SETTINGS = {"vocab": 600, "min_count": 1, "sample_bytes": 1e9}


def rates(sizes: dict[str, dict[str, int]], sample: int, weights: Any = None) -> dict[str, dict[str, float]]:
    chosen = TrainSettings.model_validate({"weights": weights}).weights
    assert not isinstance(chosen, str)
    return compute_rates(sizes, sample, chosen)


def test_sampling_rates_by_domain() -> None:
    sizes = {"web": {"en": 900}, "books": {"en": 100}}
    assert rates(sizes, 500) == {"web": {"en": 0.5}, "books": {"en": 0.5}}
    assert rates(sizes, 5000) == {"web": {"en": 1.0}, "books": {"en": 1.0}}
    assert rates(sizes, 180, {"web": 1, "books": 1, "code": 8}) == {"web": {"en": 0.1}, "books": {"en": 0.9}}
    assert rates(sizes, 400, {"web": 1, "books": 1}) == {"web": {"en": 200 / 900}, "books": {"en": 1.0}}
    assert rates({}, 500) == {}
    with pytest.raises(ConfigError, match="no domain of the corpus has a weight; it has web, books"):
        rates(sizes, 500, {"wbe": 1})


def test_sampling_rates_by_language() -> None:
    sizes = {"web": {"en": 600, "de": 200}, "books": {"en": 200}}
    assert rates(sizes, 200, {"language": {"en": 1, "de": 1}}) == {
        "web": {"en": 0.125, "de": 0.5},
        "books": {"en": 0.125},
    }
    both = {"domain": {"web": 1, "books": 3}, "language": {"en": 1, "de": 4}}
    assert rates(sizes, 200, both) == {"web": {"en": 10 / 600, "de": 40 / 200}, "books": {"en": 150 / 200}}
    # a domain without any of the languages leaves its part to the others
    assert rates(sizes, 100, {"domain": {"web": 1, "books": 3}, "language": {"de": 1}}) == {
        "web": {"en": 0.0, "de": 0.5}
    }
    with pytest.raises(ConfigError, match="no language of the corpus has a weight; it has en, de"):
        rates(sizes, 500, {"language": {"fr": 1}})
