"""Arrow columns as arrays, and back."""

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers, text_column

TYPES = [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()]
ROWS = st.lists(st.one_of(st.none(), st.text(max_size=8)), max_size=8)


@settings(deadline=None)
@given(ROWS, st.sampled_from(TYPES), st.integers(0, 8), st.integers(0, 8))
def test_rows_are_read_from_any_column_and_slice(
    rows: list[str | None], kind: pa.DataType, start: int, length: int
) -> None:
    column = pa.array(rows, pa.large_string()).cast(kind).slice(min(start, len(rows)), length)
    for given_column in (column, pa.chunked_array([column, column[:0]], kind)):
        data, offsets = text_buffers(given_column)
        assert (data.dtype.name, offsets.dtype.name, len(offsets)) == ("uint8", "int64", len(column) + 1)
        found = [data[a:b].tobytes().decode() for a, b in pairwise(offsets.tolist())]
        assert found == [row or "" for row in rows[start : start + length]]
        assert not data.flags.writeable and not offsets.flags.writeable
        assert text_column(data, offsets).to_pylist() == found


def test_large_columns_are_not_copied() -> None:
    column = pa.array(["one", "two"], pa.large_string())
    data, offsets = text_buffers(column)
    assert data.ctypes.data == column.buffers()[2].address and offsets.ctypes.data == column.buffers()[1].address
    assert text_column(data, offsets).buffers()[2].address == column.buffers()[2].address


def test_other_columns_are_refused() -> None:
    with pytest.raises(TypeError, match="not a string or binary column: int64"):
        text_buffers(pa.array([1]))
