"""Documents drawn in a pass: a seeded few of each reason, or of each language and domain, and a sample of all.

What is drawn follows from the documents' origins and the seed alone: a page made again shows the same, and of a reason
what `dspipe sample` of this seed shows.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.inspection.document_table import NUMBER, REASON
from dspipe.pipeline.inspection.draw import USE

UInt64 = npt.NDArray[np.uint64]
_MOST_GROUPS = 20_000
_ORIGIN = "origin"


class DrawnByGroup:
    """Collects `each` documents of every combination of the values of `by`; of those kept only, or all that `by` is
    known of. Documents with the origins `first` (uint64) come before others. At most _MOST_GROUPS combinations: later
    ones are left out."""

    def __init__(
        self, by: Sequence[str], each: int, seed: int, kept_only: bool = False, first: UInt64 | None = None
    ) -> None:
        self.by, self.each, self.seed, self.kept_only, self._first = list(by), each, seed, kept_only, first
        self.columns = list(dict.fromkeys([*by, NUMBER, _ORIGIN, *([REASON] if kept_only else [])]))
        self._codes: dict[tuple[str | None, ...], int] = {}
        self._drawn = np.zeros((3, 0), np.uint64)
        """rows: code, key of the draw, number"""

    def add(self, batch: pa.RecordBatch) -> None:
        """Draw of some documents."""
        if self.kept_only:
            batch = batch.filter(batch.column(REASON).is_null())
        else:
            batch = batch.filter(batch.column(self.by[0]).is_valid())
        if batch.num_rows == 0:
            return
        local, names = _codes_of(batch, self.by)
        codes = np.array([self._code(name) for name in names], np.int64)[local]
        keys, numbers = seeded_hashes(batch.column(_ORIGIN), self.seed, USE), batch.column(NUMBER).to_numpy()
        if self._first is not None and len(self._first):
            later = ~np.isin(batch.column(_ORIGIN).to_numpy(), self._first)
            keys = keys >> np.uint64(1) | later.astype(np.uint64) << np.uint64(63)
        known = codes >= 0
        added = np.stack([codes[known].astype(np.uint64), keys[known], numbers[known]])
        self._drawn = _smallest(np.concatenate([self._drawn, added], axis=1), self.each)

    def found(self) -> dict[tuple[str | None, ...], list[int]]:
        """Numbers of documents by the values of `by`."""
        names, drawn = list(self._codes), dict[tuple[str | None, ...], list[int]]()
        for code, _, number in self._drawn.T.tolist():
            drawn.setdefault(names[code], []).append(number)
        return drawn

    def _code(self, name: tuple[str | None, ...]) -> int:
        if name not in self._codes and len(self._codes) >= _MOST_GROUPS:
            return -1
        return self._codes.setdefault(name, len(self._codes))


def _codes_of(batch: pa.RecordBatch, by: Sequence[str]) -> tuple[npt.NDArray[np.int64], list[tuple[str | None, ...]]]:
    """For each row the place of its combination of values in the list of those that there are."""
    table = pa.Table.from_batches([batch.select(list(by))])
    places, lists = np.zeros(batch.num_rows, np.int64), []
    for name in by:
        encoded = table.column(name).combine_chunks().dictionary_encode("encode")
        lists.append(encoded.dictionary.to_pylist())
        places = places * len(lists[-1]) + encoded.indices.to_numpy(zero_copy_only=False)
    used, local = np.unique(places, return_inverse=True)
    names = []
    for place in used.tolist():
        values = []
        for choices in reversed(lists):
            place, at = divmod(place, len(choices))
            values.append(choices[at])
        names.append(tuple(reversed(values)))
    return local, names


def _smallest(drawn: UInt64, each: int) -> UInt64:
    """Of each code the columns with the smallest keys."""
    drawn = drawn[:, np.lexsort((drawn[1], drawn[0]))]
    place = np.arange(drawn.shape[1])
    new = np.concatenate([[True], drawn[0, 1:] != drawn[0, :-1]])[: len(place)]
    rank = place - np.maximum.accumulate(np.where(new, place, 0))
    smallest: UInt64 = drawn[:, rank < each]
    return smallest


class SampleOfAll:
    """Collects some columns of a uniform sample of all documents: all of them, up to `most`; else between half of
    `most` and `most`."""

    def __init__(self, columns: Sequence[str], most: int, seed: int) -> None:
        self.columns = list(dict.fromkeys([*columns, NUMBER, _ORIGIN]))
        self._most, self._seed = most, seed
        self._limit = np.uint64(2**64 - 1)
        self._parts: list[pa.RecordBatch] = []
        self._keys: list[UInt64] = []
        self.documents = 0
        """of which the sample is"""

    def add(self, batch: pa.RecordBatch) -> None:
        """Sample some documents."""
        self.documents += batch.num_rows
        self._take(batch.select(self.columns), seeded_hashes(batch.column(_ORIGIN), self._seed, USE))
        while sum(map(len, self._keys)) > self._most:
            self._limit //= np.uint64(2)
            parts, keys, self._parts, self._keys = self._parts, self._keys, [], []
            for part, of_it in zip(parts, keys, strict=True):
                self._take(part, of_it)

    def found(self) -> pa.Table:
        """The sampled documents, in order."""
        return pa.Table.from_batches(self._parts) if self._parts else pa.table({name: [] for name in self.columns})

    def _take(self, batch: pa.RecordBatch, keys: UInt64) -> None:
        taken = keys <= self._limit
        if taken.any():
            self._parts.append(batch.filter(pa.array(taken)) if not taken.all() else batch)
            self._keys.append(keys[taken])
