"""Which words are addresses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.jit import entry
from dspipe.kernels.text.unicode_classes import character_classes
from dspipe.kernels.text.web_addresses import is_address


@entry()
def _is_address(data, classes):  # type: ignore[no-untyped-def]
    return is_address(data, 0, len(data), classes)


def found(word: str) -> bool:
    return bool(_is_address(np.frombuffer(word.encode(), np.uint8), character_classes()))


@pytest.mark.parametrize(
    "word",
    ["example.com", "www.example.co.uk/a?b=c", "https://example.com", "ftp://x.org:21/", "me@example.org",
     "b\u00fccher.de", "a-b.example.com#top", "x_y@mail.example.com"],
)  # fmt: skip
def test_addresses(word: str) -> None:
    assert found(word)


@pytest.mark.parametrize(
    "word",
    ["", "word", "e.g.", "3.14", "1.2.3.4", "end.Start", "example.c", "example..com", "-.com", "example.com:1", "a@b",
     "http://", "http://word", ".com", "example.com:abc"],
)  # fmt: skip
def test_what_is_none(word: str) -> None:
    assert not found(word)


@given(st.text("ab.@:/-_1\u00e9", max_size=20))
def test_a_path_changes_nothing(word: str) -> None:
    assert not found(word + ".com") or found(word + ".com/x")
