"""Thresholds: which of a document's columns a number of the settings is held against, and what that number is now.

A number may differ by language, script or domain: then it is not one threshold but one for each of some groups, and a
document's group says which is meant. `Stage.thresholds` gives them, `Stage.in_force` the number for each document.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


@dataclass(frozen=True)
class Threshold:
    """A number that a column is held against."""

    key: tuple[str, ...]
    """of the setting, within the stage's: `("gopher", "min_words")`"""
    column: str
    asks: Literal["at least", "at most", "below", "above"]
    """what the value of a document must be to pass"""
    reason: str
    """with which a document is dropped that breaks it"""
    value: float | None = None
    """the number for documents whose group isn't in `values`; None: no limit, the rule is off for them"""
    by: tuple[str, ...] = ()
    """the columns that say a document's group; empty where `values` is"""
    values: Mapping[str, float | None] = field(default_factory=dict)
    """the numbers of groups that have their own: of a language, of a profile of thresholds, of a domain"""
    null_counts_as: float | None = None
    """the value of documents that have none; None: those pass"""
    alone: bool = True
    """whether breaking it is enough for the drop; else the stage asks for more beside it"""
    found: bool = False
    """whether the run has found the numbers, from the share that the setting at `key` is"""
    double: bool = False
    """whether the stage compares in double precision; else in single"""

    @property
    def on(self) -> bool:
        """Whether there is a limit for any document."""
        return self.value is not None or any(value is not None for value in self.values.values())

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read to hold documents against it, beside the columns that say which documents a stage is for."""
        return tuple(dict.fromkeys((self.column, *self.by)))

    def in_words(self, number: float) -> str:
        """`at least 0.65`"""
        return f"{self.asks} {number:,.0f}" if 1000 <= number < 1e15 else f"{self.asks} {number:.4g}"

    def numbers(self, groups: "pa.Array | None", rows: int) -> "pa.Array":
        """The number for each of so many documents (float64), null where there is none. `groups`: their names (string),
        None where `values` is empty."""
        import pyarrow as pa
        import pyarrow.compute as pc

        others = pa.scalar(self.value, pa.float64())
        if groups is None:
            return pa.repeat(others, rows)
        place = pc.index_in(groups, pa.array(list(self.values), pa.string()))
        own = pa.array(list(self.values.values()), pa.float64()).take(place)
        return pc.if_else(pc.is_valid(place), own, others)

    def above(self, values: "pa.Array", numbers: "pa.Array") -> "npt.NDArray[np.float64]":
        """How far each value of the column is above its number, less than 0 below it; NaN where one of them is null.
        `numbers` are what `Stage.in_force` gives."""
        import numpy as np

        value, number = _floats(values, self.null_counts_as), _floats(numbers, None)
        if not self.double:
            value, number = value.astype(np.float32), number.astype(np.float32)
        # exact in double precision, so that 0 is what verdicts find equal
        above: npt.NDArray[np.float64] = value.astype(np.float64) - number.astype(np.float64)
        return above

    def broken(self, values: "pa.Array", numbers: "pa.Array") -> "npt.NDArray[np.bool_]":
        """Which values break it; not where there is no value or no number."""
        above = self.above(values, numbers)
        found: dict[str, npt.NDArray[np.bool_]] = {
            "at least": above < 0,
            "at most": above > 0,
            "below": above >= 0,
            "above": above <= 0,
        }
        return found[self.asks]


def _floats(values: "pa.Array", null: float | None) -> "npt.NDArray[np.float64]":
    import numpy as np
    import pyarrow.compute as pc

    floats = pc.cast(values, "float64", safe=False)
    filled = pc.fill_null(floats, np.nan if null is None else null)
    array: npt.NDArray[np.float64] = filled.to_numpy(zero_copy_only=False)
    return array
