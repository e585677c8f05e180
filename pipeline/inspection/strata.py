"""What a sample is stratified by: columns, and equal parts of a column of numbers (`quality:5`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

HOST = "host"
"""of the URL: what `--at-most-of` takes besides columns"""
MOST_BUCKETS = 1000


@dataclass(frozen=True)
class By:
    """A column, or so many parts of it with equally many documents."""

    column: str
    buckets: int | None = None

    @staticmethod
    def parse(said: str) -> "By":
        """Of `language` or `quality:5`. Raises ValueError."""
        column, colon, number = said.rpartition(":")
        if not colon:
            return By(said)
        if not (number.isascii() and number.isdigit() and 2 <= int(number) <= MOST_BUCKETS):
            raise ValueError(f"{said}: after the colon stands into how many equal parts, from 2 to {MOST_BUCKETS}")
        return By(column, int(number))


class Edges:
    """The quantiles of one column over the documents that can be drawn: 4 bytes for each of them are in memory."""

    def __init__(self, by: By) -> None:
        self._by, self._parts = by, list[npt.NDArray[np.float32]]()

    def add(self, values: pa.Array) -> None:
        """Values of more documents; nulls count for nothing."""
        numbers = _numbers(values)
        self._parts.append(numbers[~np.isnan(numbers)])

    def find(self) -> "Buckets":
        """The parts, each from one edge to below the next."""
        values = np.concatenate([np.empty(0, np.float32), *self._parts])
        places = np.arange(1, self._by.buckets or 1) / (self._by.buckets or 1)
        edges = np.unique(np.quantile(values, places, method="inverted_cdf")) if len(values) else values
        return Buckets(edges.astype(np.float32))


@dataclass(frozen=True)
class Buckets:
    """Parts of a column's values, between edges that increase (float32)."""

    edges: npt.NDArray[np.float32]

    def names_of(self, values: pa.Array) -> pa.Array:
        """The part of each value, as `2 of 5: 0.12 to 0.4`, null where there is none."""
        numbers, count = _numbers(values), len(self.edges) + 1
        shown = [f"{edge:.4g}" for edge in self.edges]
        ends = [
            f"below {shown[0]}" if shown else "all",
            *(f"{a} to {b}" for a, b in pairwise(shown)),
        ]
        if shown:
            ends.append(f"from {shown[-1]}")
        names = pa.array([f"{place + 1:0{len(str(count))}} of {count}: {end}" for place, end in enumerate(ends)])
        return names.take(pa.array(np.searchsorted(self.edges, numbers, "right"), mask=np.isnan(numbers)))


def parse_all(said: Iterable[str]) -> Sequence[By]:
    """Each of `--by`'s columns. Raises ValueError."""
    return tuple(map(By.parse, said))


def _numbers(values: pa.Array) -> npt.NDArray[np.float32]:
    numbers = pc.fill_null(pc.cast(values, pa.float32(), safe=False), np.float32("nan"))
    found: npt.NDArray[np.float32] = numbers.to_numpy(zero_copy_only=False)
    return found
