"""JSON strings against Python's own."""

import json

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers, text_column
from dspipe.kernels.text.json_strings import json_strings

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.text(
    'a"\\\n\t\x00\x1f\x7f\u2028é', max_size=20
)


def written(values: list[str | None]) -> list[str]:
    column = pa.array(values, pa.large_string())
    valid = np.array([value is not None for value in values], bool)
    strings: list[str] = text_column(*json_strings(*text_buffers(column), valid)).to_pylist()
    return strings


@given(st.lists(st.none() | TEXT, max_size=8))
def test_strings_are_as_pythons(values: list[str | None]) -> None:
    assert written(values) == [json.dumps(value, ensure_ascii=False) for value in values]


def test_a_slice_begins_where_it_begins() -> None:
    column = pa.array(["skipped", 'a"b', "c"], pa.large_string()).slice(1)
    found = text_column(*json_strings(*text_buffers(column), np.ones(2, bool)))
    assert found.to_pylist() == ['"a\\"b"', '"c"']
