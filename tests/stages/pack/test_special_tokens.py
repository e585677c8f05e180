"""The special tokens of a tokenizer: by the names given or the usual ones, and what is said when there are none."""

import json

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.pack.settings import RowSettings
from dspipe.stages.pack.special_tokens import find_special


def tokenizer(*names: str) -> bytes:
    return json.dumps({"added_tokens": [{"content": name, "id": 10 + n} for n, name in enumerate(names)]}).encode()


def test_usual_names_are_found() -> None:
    found = find_special(RowSettings(begin=True), tokenizer("<s>", "</s>", "<pad>", "<|endoftext|>"))
    assert (found.end, found.begin, found.pad, found.around) == (13, 10, 12, 2)  # of the ends, GPT's is tried first
    assert len(found.sentinels) == 0


def test_without_a_pad_token_rows_are_filled_with_the_end_token() -> None:
    found = find_special(RowSettings(), tokenizer("</s>", "<s>"))
    assert (found.end, found.begin, found.pad, found.around) == (10, -1, 10, 1)


def test_names_that_are_given() -> None:
    config = RowSettings(end_token="<x>", begin=True, begin_token="<y>", pad_token="<z>")
    found = find_special(config, tokenizer("</s>", "<x>", "<y>", "<z>"))
    assert (found.end, found.begin, found.pad) == (11, 12, 13)


@pytest.mark.parametrize(
    ("settings", "names", "key", "message"),
    [
        ({}, ["<x>"], ("end_token",), "none of <｜end▁of▁sentence｜>, .*; its special tokens are <x>"),
        ({}, [], ("end_token",), "its special tokens are none"),
        ({"begin": True}, ["</s>"], ("begin_token",), "none of <｜begin▁of▁sentence｜>"),
        ({"pad_token": "<none>"}, ["</s>"], ("pad_token",), "none of <none>"),
        ({"fill_in_the_middle": {}}, ["</s>"], ("fill_in_the_middle", "tokens"), "<fim_prefix>"),
    ],
)
def test_what_is_not_there_is_named(
    settings: dict[str, object], names: list[str], key: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        find_special(RowSettings.model_validate(settings), tokenizer(*names))
    assert caught.value.key == key
