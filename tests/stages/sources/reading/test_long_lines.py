"""Long JSON lines: the same answers as the standard library's, with tiny limits, whatever the line."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.sources.reading import long_lines
from dspipe.stages.sources.reading.batches import clean_text
from dspipe.stages.sources.reading.long_lines import LONG, LongString, parse_long

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.floats(allow_nan=False),
        st.text(st.characters(exclude_categories=()), max_size=80),
        st.text(st.sampled_from('\\"/u0e1 dDcC8 \ud83d\ude00é中\n'), max_size=80),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text("ab\\\"0e1'" * 5, max_size=30), inner, max_size=4)
    ),
    max_leaves=10,
)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_lines, "LONG", 8)
    monkeypatch.setattr(long_lines, "PIECE", 16)


def decoded(value: Any) -> Any:
    """The value with its long strings, and all others as clean as these."""
    if isinstance(value, LongString):
        return value.utf8().decode()
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [decoded(item) for item in value]
    return {key: decoded(item) for key, item in value.items()} if isinstance(value, dict) else value


def both(line: bytes) -> tuple[Any, Any]:
    """What the standard library says and what `parse_long` says, null where it is an error."""
    try:
        expected = decoded(json.loads(line.decode("utf-8-sig")))
    except ValueError:
        expected = None
    try:
        value, strings = parse_long(bytearray(line))
        for string in strings:
            string.check()
        return expected, decoded(value)
    except ValueError:
        return expected, None


@settings(max_examples=400, deadline=None)
@given(VALUES, st.booleans())
def test_values_are_those_of_the_standard_library(value: Any, escaped: bool) -> None:
    line = json.dumps({"text": value}, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    expected, found = both(line)
    assert found == expected


@settings(max_examples=400, deadline=None)
@given(
    VALUES, st.lists(st.tuples(st.integers(0, 1 << 20), st.sampled_from([*b'"\\u{}, \x00\x80\xe4\n0e1'])), max_size=3)
)
def test_damaged_lines_too(value: Any, changes: list[tuple[int, int]]) -> None:
    line = bytearray(json.dumps({"text": value}, ensure_ascii=False).encode("utf-8", "replace"))
    for place, byte in changes:
        line[place % len(line)] = byte
    expected, found = both(bytes(line))
    assert found == expected


@pytest.mark.parametrize("text", ["\\" * 999, "\\" * 1000, "a" + "\\" * 999, "\ud83d" * 50, "é" * 500, "\0" * 99])
def test_pieces_are_cut_where_they_can_be(text: str) -> None:
    for escaped in (True, False):
        line = json.dumps(text, ensure_ascii=escaped).encode("utf-8", "replace")
        expected, found = both(line)
        assert found == expected


def test_long_strings_are_left_alone_until_they_are_asked_for() -> None:
    value, strings = parse_long(b'{"good": "' + b"x" * 50 + b'", "bad": "' + b"x" * 30 + b'\\q", "short": "y"}')
    assert (list(value), value["short"], len(strings)) == (["good", "bad", "short"], "y", 2)
    assert value["good"].utf8() == b"x" * 50
    with pytest.raises(ValueError, match=r"not JSON: Invalid .* from byte 87 of the line on"):
        value["bad"].check()


def test_a_line_with_many_numbers_costs_no_more() -> None:
    line = b'{"n": [' + b", ".join(b"0e" + b"1" * length for length in range(1, 300)) + b'], "t": "' + b"x" * 50 + b'"}'
    value, _ = parse_long(line)
    assert value["n"] == [0.0] * 299
    assert value["t"].utf8() == b"x" * 50


@pytest.mark.parametrize("line", [b'{"a": %b1}', b'{"a": 1%b}', b'{"a": -%b}', b'{"a": %b.5, "b": 0e11}'])
def test_a_digit_beside_a_string_is_damage(line: bytes) -> None:
    with pytest.raises(ValueError, match="not JSON"):
        parse_long(line % (b'"' + b"a" * LONG + b'"'))
