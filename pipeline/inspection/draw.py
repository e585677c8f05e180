"""A draw of documents while they go by: so many of each stratum, the same whatever the order in which they come.

Every document has a rank: where documents near something are wanted, their distance, else none, and among equal ones a
hash of its origin and the seed. Those of the lowest ranks are drawn, so that neither the order of shards nor the number
of threads matters, and a sample of 30 holds the sample of 20.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.hashing import hash_strings

Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Stratum = tuple[str | None, ...]
MOST_STRATA = 20_000
_GROUPS = np.uint64(0)
"""what the hashes of groups begin with"""
USE = "sample"
"""what documents to be looked at are drawn for (`pipeline.draws`): a page and a sample of one seed show the same"""


class TooManyStrataError(Exception):
    """The columns that a sample is to be stratified by have too many values."""


@dataclass(frozen=True)
class Drawn:
    """What was drawn of one stratum."""

    numbers: Sequence[int]
    """of the documents (`pipeline.doc_id`), the lowest rank first"""
    of: int
    """documents that there are in the stratum"""


class Draw:
    """Draws `each` documents of every stratum, and no more than `at_most` of those of one group, such as a host. Holds
    those alone, and a count of each stratum.

    Of the documents in the order of their ranks each is taken whose group hasn't `at_most` yet, until there are enough.
    What is taken only gets better while documents go by, so what was passed over once stays so.
    """

    def __init__(self, each: int, at_most: int | None = None) -> None:
        self._each, self._at_most = each, at_most
        self._codes: dict[Stratum, int] = {}
        self._counts = np.zeros(0, np.int64)
        self._worst = np.zeros(0, np.float64)
        """the distance of each stratum's last document, once it has enough of them"""
        self._worst_hash = np.zeros(0, np.uint64)
        self._strata, self._distances = np.zeros(0, np.int64), np.zeros(0, np.float64)
        self._hashes, self._numbers = np.zeros(0, np.uint64), np.zeros(0, np.uint64)
        self._groups = np.zeros(0, np.uint64)

    def add(
        self,
        strata: Sequence[pa.Array],
        hashes: UInt64,
        numbers: UInt64,
        distances: Floats | None = None,
        groups: pa.Array | None = None,
    ) -> None:
        """Look at some documents. `strata`: of each column that they are stratified by the values, one a document; none
        where all are one stratum. `groups`: the group of each, those without one are never too many. Raises
        TooManyStrataError."""
        rows = len(hashes)
        if rows == 0:
            return
        codes = self._codes_of(strata, rows)
        self._counts += np.bincount(codes, minlength=len(self._counts))
        far = np.zeros(rows) if distances is None else distances
        worst, worst_hash = self._worst[codes], self._worst_hash[codes]
        chosen = (far < worst) | ((far == worst) & (hashes <= worst_hash))
        if chosen.any():
            keys = numbers[chosen] if groups is None else _group_keys(groups.filter(pa.array(chosen)), numbers[chosen])
            self._keep(codes[chosen], far[chosen], hashes[chosen], numbers[chosen], keys)

    def drawn(self) -> Mapping[Stratum, Drawn]:
        """What was drawn of each stratum, strata in the order of their names."""
        found = {}
        for stratum in sorted(self._codes, key=lambda names: [(name is None, name or "") for name in names]):
            code = self._codes[stratum]
            found[stratum] = Drawn(self._numbers[self._strata == code].tolist(), int(self._counts[code]))
        return found

    def _keep(self, codes: Int64, distances: Floats, hashes: UInt64, numbers: UInt64, groups: UInt64) -> None:
        """Merge into what is kept: sorted by stratum and rank, no more than `each` of a stratum."""
        codes = np.concatenate([self._strata, codes])
        distances = np.concatenate([self._distances, distances])
        hashes, numbers = np.concatenate([self._hashes, hashes]), np.concatenate([self._numbers, numbers])
        groups = np.concatenate([self._groups, groups])
        order = np.lexsort((numbers, hashes, distances, codes))
        if self._at_most is not None:
            order = order[_places_within(codes[order], groups[order]) < self._at_most]
        codes = codes[order]
        starts = np.searchsorted(codes, np.arange(len(self._counts)))
        place = np.arange(len(codes)) - starts[codes]
        kept = order[place < self._each]
        self._strata, self._distances = codes[place < self._each], distances[kept]
        self._hashes, self._numbers, self._groups = hashes[kept], numbers[kept], groups[kept]
        last = np.flatnonzero(place == self._each - 1)
        self._worst[codes[last]] = distances[order[last]]
        self._worst_hash[codes[last]] = hashes[order[last]]

    def _codes_of(self, strata: Sequence[pa.Array], rows: int) -> Int64:
        if not strata:
            return np.full(rows, self._code(()))
        combined, values = np.zeros(rows, np.int64), list[list[str | None]]()
        for column in strata:
            encoded = pc.dictionary_encode(column.cast(pa.string()))
            values.append([*encoded.dictionary.to_pylist(), None])
            places = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy()
            combined = combined * len(values[-1]) + places
        found, places = np.unique(combined, return_inverse=True)
        codes = []
        for number in found.tolist():
            names = list[str | None]()
            for known in reversed(values):
                number, place = divmod(number, len(known))
                names.append(known[place])
            codes.append(self._code(tuple(reversed(names))))
        return np.array(codes, np.int64)[places]

    def _code(self, stratum: Stratum) -> int:
        if stratum not in self._codes:
            if len(self._codes) >= MOST_STRATA:
                raise TooManyStrataError(f"there are more than {MOST_STRATA:,} strata")
            self._codes[stratum] = len(self._codes)
            self._counts = np.append(self._counts, 0)
            self._worst = np.append(self._worst, np.inf)
            self._worst_hash = np.append(self._worst_hash, np.uint64(0xFFFFFFFFFFFFFFFF))
        return self._codes[stratum]


def _places_within(codes: Int64, groups: UInt64) -> Int64:
    """How many documents of the same stratum and group stand before each."""
    order = np.lexsort((groups, codes))  # stable
    first = np.append(True, (codes[order][1:] != codes[order][:-1]) | (groups[order][1:] != groups[order][:-1]))
    starts = np.flatnonzero(first)
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return places


def _group_keys(groups: pa.Array, numbers: UInt64) -> UInt64:
    """A 64-bit hash of each group's name; for a document without one its own number."""
    hashes = hash_strings(*text_buffers(groups.cast(pa.large_string())), _GROUPS)
    return np.where(groups.is_null().to_numpy(zero_copy_only=False), numbers, hashes)
