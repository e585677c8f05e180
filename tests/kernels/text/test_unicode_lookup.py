"""Looking characters up in UTF-8, against Python's own decoding."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dspipe.kernels.jit import INTERPRETED
from dspipe.kernels.text.unicode_classes import SPACE, character_classes
from dspipe.kernels.text.unicode_lookup import character, character_before, count_characters, trim

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
EXAMPLES = 20 if INTERPRETED else 300


def walk(data: np.ndarray, start: int, end: int) -> list[tuple[int, int]]:
    """Flags and length in bytes of each character."""
    table, i, found = character_classes(), start, []
    while i < end:
        kind, length = character(data, i, end, table)
        found.append((int(kind), int(length)))
        i += length
    assert i == end
    return found


@given(TEXTS)
@settings(max_examples=EXAMPLES, deadline=None)
@example(" \u00a0\u3000x\u2003\u0085")
def test_characters_are_found_in_both_directions(text: str) -> None:
    table, data = character_classes(), np.frombuffer(b"#" + text.encode() + b"#", np.uint8)
    wanted = [(table.of(c), len(c.encode())) for c in text]
    end = len(data) - 1
    assert walk(data, 1, end) == wanted
    for kind, length in reversed(wanted):
        assert character_before(data, end, 1, table) == (kind, length)
        end -= length
    assert count_characters(data, 1, len(data) - 1) == len(text)


@given(TEXTS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_trim(text: str) -> None:
    table, data = character_classes(), np.frombuffer(text.encode(), np.uint8)
    space = "".join(c for c in set(text) if table.of(c) & SPACE)
    start, end = trim(data, 0, len(data), table)
    assert data[start:end].tobytes().decode() == text.strip(space or " ")


@given(st.binary(max_size=40))
@settings(max_examples=EXAMPLES, deadline=None)
@example(b"\xf4\x90\x80\x80\xff\xc3")
def test_broken_bytes_are_walked_to_the_end(data: bytes) -> None:
    assert sum(length for _, length in walk(np.frombuffer(data, np.uint8), 0, len(data))) == len(data)
