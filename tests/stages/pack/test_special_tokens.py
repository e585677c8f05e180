"""The special tokens of a tokenizer: by the names given or the usual ones, and what is said when there are none."""

import json

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.pack.settings import RowSettings
from dspipe.stages.pack.special_tokens import find_special_tokens


def tokenizer(*names: str) -> bytes:
    return json.dumps({"added_tokens": [{"content": name, "id": 10 + n} for n, name in enumerate(names)]}).encode()


def test_usual_names_are_found() -> None:
    found = find_special_tokens(RowSettings(begin=True), tokenizer("<s>", "</s>", "<pad>", "<|endoftext|>"))
    assert (found.end, found.begin, found.pad, found.tokens_added_per_document) == (
        13,
        10,
        12,
        2,
    )  # of the ends, GPT's is tried first
    assert len(found.sentinels) == 0


def test_without_a_pad_token_rows_are_filled_with_the_end_token() -> None:
    found = find_special_tokens(RowSettings(), tokenizer("</s>", "<s>"))
    assert (found.end, found.begin, found.pad, found.tokens_added_per_document) == (10, -1, 10, 1)


def test_names_that_are_given() -> None:
    config = RowSettings(end_token="<x>", begin=True, begin_token="<y>", pad_token="<z>")
    found = find_special_tokens(config, tokenizer("</s>", "<x>", "<y>", "<z>"))
    assert (found.end, found.begin, found.pad) == (11, 12, 13)


def test_sentinels_are_found_by_their_usual_names_or_those_given() -> None:
    coder = tokenizer("</s>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<x>")
    config = RowSettings.model_validate({"fill_in_the_middle": {}})
    assert find_special_tokens(config, coder).sentinels.tolist() == [11, 13, 12]
    config = RowSettings.model_validate({"fill_in_the_middle": {"tokens": ["<x>", "<fim_suffix>", "<fim_middle>"]}})
    assert find_special_tokens(config, coder).sentinels.tolist() == [14, 13, 12]


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
        find_special_tokens(RowSettings.model_validate(settings), tokenizer(*names))
    assert caught.value.key == key
