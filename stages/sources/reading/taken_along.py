"""Columns of a source's files that documents take along: scores, labels and whatever else is known of them already.

    columns: {quality: edu_score}                          a number
    columns: {topic: {field: meta.topic, type: string}}

A type is named and not guessed: what a run plans, and what its results are kept by, mustn't depend on the first rows.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["number", "integer", "string", "boolean"]


class TakenColumn(BaseModel):
    """A column of the files."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    field: str = Field(
        min_length=1, description="the column or field of the files; a dotted name goes into nested ones"
    )
    type: Kind = Field(
        "number", description="number (float64), integer (int64), string or boolean; a value of another is an error"
    )


def _by_name(value: object) -> object:
    return {"field": value} if isinstance(value, str) else value


def _named(value: object) -> object:
    return {name: name for name in value} if isinstance(value, list | tuple) else value


COLUMNS = (
    "columns that documents take along, by the name that they get: `{quality: edu_score}`, or "
    "`{topic: {field: topic, type: string}}`; null where a record has none"
)
Columns = Annotated[
    dict[Annotated[str, Field(min_length=1)], Annotated[TakenColumn, BeforeValidator(_by_name)]],
    BeforeValidator(_named),
]
"""By the name that documents have it under; a list takes columns under their own names."""


def fields_of(columns: Mapping[str, TakenColumn]) -> "tuple[pa.Field, ...]":
    """The columns as documents have them."""
    import pyarrow as pa

    types = {"number": pa.float64(), "integer": pa.int64(), "string": pa.string(), "boolean": pa.bool_()}
    return tuple(pa.field(name, types[column.type]) for name, column in columns.items())


def value_of(value: Any, column: TakenColumn) -> float | int | str | bool | None:
    """A value of a JSON object, null where it is null, not a number, or an empty string. Raises ValueError for one of
    another type."""
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if column.type == "boolean" and isinstance(value, bool):
        return value
    if column.type == "string" and (isinstance(value, str) or number):
        return str(value) or None
    if column.type == "integer" and number and value == value and abs(value) < 1 << 63 and value == int(value):
        return int(value)
    if column.type == "number" and number:
        try:
            made = float(value)
        except OverflowError:
            raise ValueError(f"the field {column.field!r} is a number of more than 300 digits") from None
        return made if math.isfinite(made) else None
    article = "an" if column.type == "integer" else "a"
    raise ValueError(f"the field {column.field!r} is {_kind(value)}, not {article} {column.type}")


def _kind(value: object) -> str:
    names = {
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        str: "a string",
        dict: "an object",
        list: "a list",
    }
    return names.get(type(value), "a number")


def array_of(array: "pa.Array", column: TakenColumn) -> "pa.Array":
    """An Arrow column as documents have it, null where it is null, not a number, or an empty string. Raises ValueError
    for one of another type; no row need be there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from dspipe.stages.sources.reading.columns import name_column

    (field,) = fields_of({"": column})
    kind = array.type
    if pa.types.is_null(kind):
        return pa.nulls(len(array), field.type)
    real = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if column.type == "number" and real:
        numbers = array.cast(pa.float64())
        return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))
    if column.type == "integer" and pa.types.is_integer(kind):
        return array.cast(pa.int64())
    if column.type == "boolean" and pa.types.is_boolean(kind):
        return array
    if column.type == "string" and not pa.types.is_nested(kind) and not pa.types.is_boolean(kind):
        return name_column(array)
    article = "an" if column.type == "integer" else "a"
    raise ValueError(
        f"the column {column.field!r} holds {kind}, not {article} {column.type}: say so with `type` if it is meant"
    )
