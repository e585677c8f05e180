"""Rows as JSON lines, from Arrow to bytes without a Python object a row.

Every row has every column, null where it has no value, so that the first lines say what columns there are. A number
that JSON has no word for (not a number, infinite) is null. Numbers with a fraction keep a point (`5.0`): readers guess
the type of a column from its first values.
"""

import json

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers, text_column
from dspipe.kernels.text.json_strings import json_strings


def json_lines(batch: pa.RecordBatch) -> pa.Buffer:
    """One line a row, each with its line feed."""
    parts: list[pa.Array | pa.Scalar] = []
    for place, name in enumerate(batch.schema.names):
        before = "{" if place == 0 else ","
        parts.append(_text(f"{before}{json.dumps(name, ensure_ascii=False)}:"))
        parts.append(_values(batch.column(name)))
    lines = pc.binary_join_element_wise(*parts, _text("}\n"), _text(""))
    data, offsets = text_buffers(lines)
    return pa.py_buffer(data[int(offsets[0]) : int(offsets[-1])])


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, pa.large_string())


def _values(column: pa.Array) -> pa.Array:
    """Each value as JSON writes it, as large_string without nulls."""
    kind = column.type
    if pa.types.is_null(kind):
        return pa.repeat(_text("null"), len(column))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        valid = pc.is_valid(column).to_numpy(zero_copy_only=False)
        return text_column(*json_strings(*text_buffers(column), valid))
    if pa.types.is_floating(kind):
        written = pc.replace_substring_regex(column.cast(pa.string()), r"^(-?\d+)$", r"\1.0")
        return _or_null(pc.if_else(pc.is_finite(column), written, pa.scalar(None, pa.string())))
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return _or_null(column.cast(pa.string()))
    # lists and the like: few columns have them, and few rows of those
    values = [None if value is None else json.dumps(value, ensure_ascii=False) for value in column.to_pylist()]
    return _or_null(pa.array(values, pa.large_string()))


def _or_null(column: pa.Array) -> pa.Array:
    return pc.fill_null(column.cast(pa.large_string()), "null")
