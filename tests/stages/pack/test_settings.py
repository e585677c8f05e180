from typing import Any

import pytest
from pydantic import ValidationError

from dspipe.stages.pack.settings import PackConfig, RowSettings, TailSettings


@pytest.mark.parametrize(
    "settings",
    [
        {"length": 1},
        {"format": "tar"},
        {"mode": "best"},
        {"shard_bytes": 10},
        {"remainder": "keep"},
        {"fill_in_the_middle": {"rate": 1.5}},
        {"fill_in_the_middle": {"tokens": ["<a>", "<b>"]}},
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PackConfig.model_validate(settings)


def test_sizes_as_people_write_them() -> None:
    assert PackConfig.model_validate({"shard_bytes": "1e9"}).shard_bytes == 1_000_000_000


def test_parts_of_the_settings_are_what_phases_are_given() -> None:
    """What a phase over partitions depends on is written out and read again, without the settings of others."""
    config = PackConfig.model_validate({"length": 8, "remainder": "drop", "fill_in_the_middle": {"domains": ["code"]}})
    rows = config.model_dump(mode="json", include=set(RowSettings.model_fields))
    assert not {"remainder", "shard_bytes"} & set(rows)
    assert RowSettings.model_validate(rows).fill_in_the_middle == config.fill_in_the_middle
    tail = config.model_dump(mode="json", include=set(TailSettings.model_fields))
    assert TailSettings.model_validate(tail).remainder == "drop"
