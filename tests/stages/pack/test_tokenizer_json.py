"""What packing reads in a tokenizer.json."""

import json

import pytest

from dspipe.stages.pack.tokenizer_json import find_token, read_added_tokens


@pytest.mark.parametrize(
    ("tokenizer", "added", "ids"),
    [
        ({"added_tokens": [{"content": "<x>", "id": 7}], "model": {"vocab": {"a": 0, "b": 1}}}, {"<x>": 7}, 8),
        ({"added_tokens": [{"content": "<x>", "id": 1}], "model": {"vocab": {"a": 0, "b": 9}}}, {"<x>": 1}, 10),
        ({"added_tokens": None, "model": {"vocab": [["a", -1.5], ["b", -2.0]]}}, {}, 2),  # a unigram model's list
        ({"model": {}}, {}, 0),
        ({}, {}, 0),
    ],
)
def test_added_tokens_and_how_many_ids(tokenizer: dict[str, object], added: dict[str, int], ids: int) -> None:
    assert read_added_tokens(json.dumps(tokenizer).encode()) == (added, ids)


def test_the_first_name_that_is_there() -> None:
    tokens = {"<a>": 1, "<b>": 2}
    assert find_token(tokens, ("<c>", "<b>", "<a>")) == 2
    with pytest.raises(KeyError, match="none of <c>, <d>; its special tokens are <a>, <b>"):
        find_token(tokens, ("<c>", "<d>"))
