"""Quantiles of a score over the whole corpus: histograms per shard and group, summed, cut where a share of it is.

A histogram's bins are the upper bits of the scores as float32, so that their width follows the scores' own precision
and equal scores are never told apart. What a shard leaves behind is small, however many documents it has.
"""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


_MIDDLE = 1 << 31


class Bins(NamedTuple):
    """Bins of scores: their float32 bits without the last `dropped`, of 23 bits of fraction; below 0 those of what is
    left without the sign, counted down from -1."""

    dropped: int

    def of(self, scores: "npt.NDArray[np.float32]") -> "npt.NDArray[np.int64]":
        """The bin of each score: ascending with the score."""
        import numpy as np

        size = np.abs(scores).view(np.uint32).astype(np.int64) >> self.dropped
        bins: npt.NDArray[np.int64] = np.where(scores < 0, -size - 1, size)
        return bins

    def start(self, bin: int) -> float:
        """The lowest score of a bin."""
        import numpy as np

        if bin < 0:
            largest = ((-bin - 1) << self.dropped) + (1 << self.dropped) - 1
            return -float(np.array([largest], np.uint32).view(np.float32)[0])
        return float(np.array([bin << self.dropped], np.uint32).view(np.float32)[0])


def scores_of(column: "pa.Array", missing: float | None = None) -> "npt.NDArray[np.float32]":
    """The scores of a column of numbers; `missing` where there is none: null, NaN, or no finite float32. A model that
    overflowed says nothing of a document, and JSON has no infinity for a bound. Default: the lowest float32."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pc.fill_null(pc.cast(column, pa.float32(), safe=False), pa.scalar(float("nan"), pa.float32()))
    scores: npt.NDArray[np.float32] = numbers.to_numpy(zero_copy_only=False)
    instead = np.float32(np.finfo(np.float32).min if missing is None else missing)
    return np.where(np.isfinite(scores), scores, instead)


class Groups(NamedTuple):
    """The group of each of n documents: names[codes[i]], codes int64[n]."""

    names: list[str]
    codes: "npt.NDArray[np.int64]"

    def chosen(self, rows: "npt.NDArray[np.bool_]") -> "Groups":
        """Those of some documents."""
        return Groups(self.names, self.codes[rows])


class Histograms:
    """How many scores fall into each bin, by group."""

    def __init__(self, parts: "Iterable[Mapping[str, list[tuple[int, int]]]]" = ()) -> None:
        """`parts`: values of what `as_json` has given."""
        self.counts: dict[str, dict[int, int]] = {}
        for part in parts:
            self.add_up(part)

    def add_up(self, part: "Mapping[str, list[tuple[int, int]]]") -> None:
        """Add the value of what another one's `as_json` has given."""
        for group, items in part.items():
            self._add(group, items)

    def add(self, bins: "npt.NDArray[np.int64]", groups: Groups) -> None:
        """Count documents by their bins and groups."""
        import numpy as np

        # bins are float32 bits, or below 0 as many: they fit beside the group
        keys = (groups.codes << 32) | (bins + _MIDDLE)
        found, times = np.unique(keys, return_counts=True)
        for key, count in zip(found.tolist(), times.tolist(), strict=True):
            self._add(groups.names[key >> 32], [((key & 0xFFFFFFFF) - _MIDDLE, count)])

    def as_json(self) -> bytes:
        """What another one is made of."""
        return json.dumps({group: sorted(self.counts[group].items()) for group in sorted(self.counts)}).encode()

    def _add(self, group: str, items: list[tuple[int, int]]) -> None:
        of_group = self.counts.setdefault(group, {})
        for bin, count in items:
            of_group[bin] = of_group.get(bin, 0) + count


def bin_above(counts: dict[int, int], share: float) -> int:
    """The lowest bin such that the bins below it hold at most `share` of the documents, below 1; 0 for no documents."""
    budget, below = share * sum(counts.values()), 0
    for bin in sorted(counts):
        below += counts[bin]
        if below > budget:
            return bin
    return 0


def strings(batch: "pa.RecordBatch", name: str) -> "npt.NDArray[np.object_]":
    """A string column as Python strings, "" for null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.fill_null(batch.column(name).cast(pa.string()), "")
    values: npt.NDArray[np.object_] = column.to_numpy(zero_copy_only=False)
    return values


def groups_of(batch: "pa.RecordBatch", *names: str) -> Groups:
    """The values of string columns as groups, "" for null; those of several columns joined by ` | `, and of none one
    group `all`."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not names:
        return Groups(["all"], np.zeros(batch.num_rows, np.int64))
    columns = [pc.fill_null(batch.column(name).cast(pa.string()), "") for name in names]
    values = columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, " | ")
    encoded = pc.dictionary_encode(values)
    return Groups(encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64))
