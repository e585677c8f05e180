"""Weights by name."""

import pytest
from pydantic import ValidationError

from dspipe.stages.remix.presets import OLMO3_TOPICS, PRESETS, find_preset
from dspipe.stages.remix.settings import RemixConfig


def test_weights_by_name() -> None:
    assert RemixConfig.model_validate({"by": "topic", "weights": "olmo3_topics"}).weights == dict(OLMO3_TOPICS)
    assert find_preset({"a": 1}) == {"a": 1} and find_preset(None) is None
    with pytest.raises(ValidationError, match="no weights called 'olmo'; there are olmo3_topics"):
        RemixConfig.model_validate({"weights": "olmo"})


def test_presets_sum_to_1() -> None:
    for weights in PRESETS.values():
        assert sum(weights.values()) == pytest.approx(1, abs=1e-9)


def test_olmo3_topics_are_those_of_its_table() -> None:
    """Some rows of dolma3's README, in percent, and their number."""
    table = {"science_math_and_technology": 21.03, "software_development": 11.14, "health": 9.94, "games": 6.89}
    table |= {"politics": 2.17, "travel_and_tourism": 0.22, "fashion_and_beauty": 0.01}
    assert len(OLMO3_TOPICS) == 24
    assert {name: round(100 * OLMO3_TOPICS[name], 2) for name in table} == table
