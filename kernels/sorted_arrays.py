"""What is asked of sorted numpy arrays again and again: where runs of equal values begin, and which values match."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Positions = npt.NDArray[np.int64]


def starts_run(*columns: Array) -> npt.NDArray[np.bool_]:
    """bool[n]: whether row i differs from the one before it in one of the columns (each of length n, one at least)."""
    starts = np.ones(len(columns[0]), bool)
    starts[1:] = columns[0][1:] != columns[0][:-1]
    for column in columns[1:]:
        starts[1:] |= column[1:] != column[:-1]
    return starts


def run_bounds(*columns: Array) -> Positions:
    """int64[runs + 1]: where the runs of equal rows begin, and the number of rows."""
    return np.append(np.flatnonzero(starts_run(*columns)), len(columns[0]))


def rank_in_run(values: Array) -> Positions:
    """int64[n]: how many of the same value stand before each; `values` must ascend."""
    ranks: Positions = np.arange(len(values)) - np.searchsorted(values, values)
    return ranks


def expand_ranges(starts: Array, lengths: Array) -> Positions:
    """The numbers starts[0], starts[0] + 1, ... of all ranges, one range after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    numbers: Positions = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return numbers


def match_sorted(wanted: Array, known: Array) -> tuple[Positions, Positions]:
    """All pairs (position in `wanted`, position in `known`) of equal values, by the first; `known` must ascend."""
    starts = np.searchsorted(known, wanted)
    counts = np.searchsorted(known, wanted, "right") - starts
    return np.repeat(np.arange(len(wanted)), counts), expand_ranges(starts, counts)


def unique_pairs(left: Array, right: Array) -> tuple[Array, Array]:
    """Each pair (left[i], right[i]) once, sorted by the left side, then the right."""
    order = np.lexsort([right, left])
    left, right = left[order], right[order]
    first = starts_run(left, right)
    return left[first], right[first]
