"""Settings of training."""

from typing import Any

import pytest

from dspipe.tokenizer.settings import TrainSettings
from dspipe.tokenizer.special_tokens import name_special_tokens

pytestmark = pytest.mark.filterwarnings("ignore:overflow")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vocab": 255}, "smaller than the 256 bytes"),
        ({"special": 2}, "at least begin, end and padding"),
        ({"special": ("<s>", "<s>", "<pad>")}, "collide: <s>"),
        ({"special": ("<s>", "", "<pad>")}, "is empty"),
        ({"pad_to": 100_014}, "below the 100015 tokens"),
        ({"weights": {"web": -1.0}}, "none below 0"),
        ({"scheme": "gpt5"}, "Input should be"),
        ({"sample_bytes": 0}, "greater than 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainSettings.model_validate(values)


def test_sizes() -> None:
    default = TrainSettings.model_validate({"sample_bytes": 24e9})
    assert (default.vocab, len(default.special_tokens), default.padded_size) == (100_000, 15, 102_400)
    assert TrainSettings(vocab=8000).padded_size == 8064
    assert TrainSettings(vocab=8000, pad_to=9000).padded_size == 9000
    assert name_special_tokens(17)[15:] == ("<｜reserved▁0｜>", "<｜reserved▁1｜>")


def test_numbers_as_people_write_them() -> None:
    settings = TrainSettings.model_validate({"sample_bytes": "8MB", "vocab": "1e3", "pad_to": "2K"})
    assert (settings.sample_bytes, settings.vocab, settings.pad_to) == (8_000_000, 1000, 2000)
