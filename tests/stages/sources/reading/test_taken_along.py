"""Values and columns that documents take along."""

import math
from typing import Any

import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from dspipe.stages.sources.reading.taken_along import Columns, TakenColumn, array_of, fields_of, value_of


def column(kind: str) -> TakenColumn:
    return TakenColumn(field="f", type=kind)


def test_ways_to_write_columns() -> None:
    read = TypeAdapter(Columns).validate_python
    assert read({"quality": "edu"}) == {"quality": TakenColumn(field="edu")}
    assert read(["edu"]) == {"edu": TakenColumn(field="edu")}
    assert read({"t": {"field": "m.t", "type": "string"}}) == {"t": TakenColumn(field="m.t", type="string")}
    for wrong in ({"": "x"}, {"a": ""}, {"a": {"field": "x", "type": "text"}}, {"a": 3}):
        with pytest.raises(ValidationError):
            read(wrong)


VALUES = [
    ("number", [1, 2.5, None, math.nan, math.inf], [1.0, 2.5, None, None, None]),
    ("integer", [1, None, -(2**63) + 1], [1, None, -(2**63) + 1]),
    ("string", ["a", "", None], ["a", None, None]),
    ("boolean", [True, False, None], [True, False, None]),
]


@pytest.mark.parametrize(("kind", "values", "expected"), VALUES)
def test_values_and_arrays_agree(kind: str, values: list[Any], expected: list[Any]) -> None:
    (field,) = fields_of({"f": column(kind)})
    assert [value_of(value, column(kind)) for value in values] == expected
    found = array_of(pa.array(values), column(kind))
    assert found.type == field.type and found.to_pylist() == expected
    assert array_of(pa.nulls(2), column(kind)).type == field.type


def test_numbers_as_text_and_whole_floats() -> None:
    assert value_of(5, column("string")) == "5" and array_of(pa.array([5]), column("string")).to_pylist() == ["5"]
    assert value_of(5.0, column("integer")) == 5
    assert (
        array_of(pa.array(["a", "b", "a"]).dictionary_encode().dictionary_decode(), column("string"))[2].as_py() == "a"
    )


@pytest.mark.parametrize(
    ("kind", "value", "is_"),
    [
        ("number", "0.5", "a string"),
        ("number", True, "a boolean"),
        ("number", 10**400, "more than 300 digits"),
        ("integer", 0.5, "a number, not an integer"),
        ("integer", 2**63, "an integer, not an integer"),
        ("integer", math.inf, "not an integer"),
        ("string", ["a"], "a list"),
        ("string", True, "a boolean"),
        ("boolean", 1, "an integer, not a boolean"),
    ],
)
def test_values_of_another_type(kind: str, value: Any, is_: str) -> None:
    with pytest.raises(ValueError, match=is_):
        value_of(value, column(kind))


@pytest.mark.parametrize(
    ("kind", "array"),
    [
        ("number", pa.array(["0.5"])),
        ("number", pa.array([True])),
        ("integer", pa.array([0.5])),
        ("string", pa.array([["a"]])),
        ("string", pa.array([True])),
        ("boolean", pa.array([1])),
    ],
)
def test_columns_of_another_type(kind: str, array: pa.Array) -> None:
    with pytest.raises(ValueError, match=f"holds {array.type}".replace("[", r"\[").replace("<", ".")[:20]):
        array_of(array.slice(0, 0), column(kind))
