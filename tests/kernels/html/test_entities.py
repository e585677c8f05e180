"""Character references against Python's `html.unescape`."""

import html
import html.entities
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dspipe.kernels.html.entities import put_character, read_entity

SINGLE = [name for name, text in html.entities.html5.items() if len(text) == 1]
DOUBLE = [name for name, text in html.entities.html5.items() if len(text) > 1]


def unescape(text: str) -> str:
    data, out, room = np.frombuffer(text.encode(), np.uint8), bytearray(), np.zeros(8, np.uint8)
    i = 0
    while i < len(data):
        if data[i] == 38:
            point, behind = read_entity(data, i, len(data))
            if point >= 0:
                out += room[: put_character(room, 0, point)].tobytes()
                i = behind
                continue
        out.append(data[i])
        i += 1
    return out.decode()


@given(
    st.lists(
        st.one_of(
            st.sampled_from(SINGLE).map(lambda name: f"&{name}"),
            st.integers(0, 0x120000).map(lambda n: f"&#{n};"),
            st.integers(0, 0x120000).map(lambda n: f"&#x{n:x}"),
            st.sampled_from([" ", "a", "9", "=", "é", "&", "#", "x", ";", "&#", "&#x", "&am"]),
        ),
        max_size=6,
    )
)
@example(["&notit;", "&copyright", "&ampx", "&CounterClockwiseContourIntegral;"])
@example(["&#128;&#150;", "&#0;", "&#xD800;", "&#x110000;", "&#99999999999999999999;"])
def test_as_python_reads_them(parts: list[str]) -> None:
    text = "".join(parts)
    if any(f"&{name}" in text for name in DOUBLE):
        return
    # Python leaves out code points that are no characters or control characters; they are kept here
    expected, found = html.unescape(text), unescape(text)
    assert _printed(found) == _printed(expected)


def _printed(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cn") or c in "\n\t")


@pytest.mark.parametrize("point", [0x24, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFD, 0x10000, 0x10FFFF])
def test_characters_as_utf8(point: int) -> None:
    room = np.zeros(4, np.uint8)
    assert room[: put_character(room, 0, point)].tobytes() == chr(point).encode()
