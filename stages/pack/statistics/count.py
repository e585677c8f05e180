"""What stands in files of token ids: rows, documents and their lengths, how often each id, padding, what is amiss."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dspipe.kernels.token_counts import (
    FIRST_OUT_OF_RANGE,
    NONE,
    OPEN,
    OUT_OF_RANGE,
    PADDING,
    SUMS,
    WITHOUT_END,
    count_tokens,
)
from dspipe.stages.pack.statistics.find_files import FoundShards, TokenNames
from dspipe.stages.pack.statistics.lengths import LengthHistogram
from dspipe.stages.pack.statistics.token_files import TokenFile

_NARROW = 1 << 16
_MOST_IDS = 1 << 24
"""ids from here on are counted together"""
TOP = 20


@dataclass(frozen=True)
class IdsOutOfRange:
    """Ids that aren't in the vocabulary, or negative."""

    tokens: int
    file: str
    """the first file that has one"""
    row: int
    """its first row with one, counted from 0"""


@dataclass
class ShardStatistics:
    """What stands in some files of token ids."""

    path: str
    format: str
    files: int
    bytes: int
    dtype: str
    names: TokenNames
    rows: LengthHistogram = field(default_factory=LengthHistogram)
    """padding counted"""
    documents: LengthHistogram = field(default_factory=LengthHistogram)
    """end and begin tokens counted"""
    documents_by: str | None = None
    """what says where documents end; None: nothing does, and none are counted"""
    without_end: int | None = None
    """parts of documents without an end token, where the end token says where they end"""
    padding: int | None = None
    """tokens; None: it isn't known what padding is"""
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """by id"""
    first: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """rows by the id that they begin with"""
    out_of_range: IdsOutOfRange | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """In rows, padding counted."""
        return self.rows.tokens

    @property
    def begin_rows(self) -> int | None:
        """Rows that begin with the begin token; None: it isn't known."""
        begin = self.names.begin
        return None if begin is None else int(self.first[begin]) if begin < len(self.first) else 0

    @property
    def used(self) -> int:
        """Different ids, of the vocabulary where it is known."""
        return int(np.count_nonzero(self.counts[: self.names.vocabulary]))

    @property
    def unused(self) -> int | None:
        """Ids of the vocabulary that never come; None: it isn't known."""
        return None if self.names.vocabulary is None else self.names.vocabulary - self.used

    def top(self, counts: npt.NDArray[np.int64], number: int = TOP) -> list[tuple[int, int]]:
        """The commonest ids, each with its count."""
        order = np.lexsort([np.arange(len(counts)), -counts])[:number]
        return [(int(one), int(counts[one])) for one in order if counts[one]]

    def entropy(self) -> float:
        """Bits a token, if each were drawn by itself."""
        shares = self.counts[self.counts > 0] / max(1, int(self.counts.sum()))
        return float(-(shares * np.log2(shares)).sum())

    def ids_of_half(self) -> int:
        """How many of the commonest ids make half of all tokens."""
        ordered = np.sort(self.counts)[::-1]
        return int(np.searchsorted(np.cumsum(ordered), ordered.sum() / 2)) + 1 if ordered.any() else 0


def count_shards(found: FoundShards) -> ShardStatistics:
    """Read all files once. Raises TokenFileError, MdsError, ArrowInvalid, ValueError for those that aren't whole."""
    result = ShardStatistics(
        found.path,
        found.format,
        len(found.files),
        sum(file.bytes for file in found.files),
        "",
        found.names,
        remarks=list(found.remarks),
    )
    known = [file.documents() for file in found.files]
    by_end = any(one is None for one in known) and found.names.end is not None
    counter = _Counter(found.names, by_end)
    for file in found.files:
        counter.count(file, result)
    if all(known) and found.files:
        for one in known:
            assert one is not None
            result.documents.add(one.lengths)
            result.documents_by = one.said_by
        tokens = [one.tokens for one in known if one is not None]
        if None not in tokens:
            result.padding = result.tokens - sum(one or 0 for one in tokens)
    elif by_end:
        result.documents, result.documents_by = counter.lengths, f"the end token {found.names.end}"
        result.without_end = int(counter.sums[WITHOUT_END])
    if result.padding is None and found.names.pad is not None:
        result.padding = int(counter.sums[PADDING])
    result.counts, result.first, result.dtype = counter.counts, counter.first, ", ".join(sorted(counter.dtypes))
    return result


class _Counter:
    """The counts over blocks and files."""

    def __init__(self, names: TokenNames, by_end: bool) -> None:
        self._names = names
        self._end = names.end if by_end and names.end is not None else NONE
        self.sums = np.zeros(SUMS, np.int64)
        self.counts, self.first = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.lengths = LengthHistogram()
        self.dtypes: set[str] = set()

    def count(self, file: TokenFile, result: ShardStatistics) -> None:
        """Count one file."""
        self.sums[FIRST_OUT_OF_RANGE] = -1
        before, rows = int(self.sums[OUT_OF_RANGE]), result.rows.count
        names = self._names
        for ids, row_ends in file.blocks():
            self.dtypes.add(ids.dtype.name)
            ids = _native(ids)
            self._make_room(ids)
            ends = np.count_nonzero(ids == self._end) if self._end != NONE else 0
            lengths = np.zeros(int(ends), np.int64)
            found = count_tokens(
                ids,
                row_ends,
                NONE if names.vocabulary is None else names.vocabulary,
                self._end,
                NONE if names.begin is None else names.begin,
                NONE if names.pad is None else names.pad,
                self.counts,
                self.sums,
                lengths,
            )
            self.lengths.add(lengths[:found])
            row_lengths = np.diff(row_ends, prepend=0)
            result.rows.add(row_lengths)
            starts = ids[(row_ends - row_lengths)[row_lengths > 0]].astype(np.int64)
            starts = starts[(starts >= 0) & (starts < len(self.first))]
            self.first += np.bincount(starts, minlength=len(self.first))
        if self.sums[OPEN]:  # a document that goes on in another file can't be told from one that is cut
            self.sums[WITHOUT_END] += 1
            self.sums[OPEN] = 0
        wrong = int(self.sums[OUT_OF_RANGE]) - before
        if wrong:
            place = result.out_of_range or _first_wrong(file, int(self.sums[FIRST_OUT_OF_RANGE]) - rows)
            result.out_of_range = IdsOutOfRange(before + wrong, place.file, place.row)

    def _make_room(self, ids: npt.NDArray[Any]) -> None:
        """Room to count every id by itself, where there aren't too many."""
        largest = int(ids.max(initial=0))
        room = min(_MOST_IDS, max(_NARROW, self._names.vocabulary or 0, 1 << largest.bit_length()))
        if room > len(self.counts):
            more = np.zeros(room - len(self.counts), np.int64)
            self.counts, self.first = np.append(self.counts, more), np.append(self.first, more)


def _first_wrong(file: TokenFile, row: int) -> IdsOutOfRange:
    return IdsOutOfRange(0, str(file.path), row)


def _native(ids: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The ids where a kernel can load them, in one of three types, so that it is compiled three times at most."""
    wanted: Sequence[Any] = (np.uint16, np.int32, np.int64)
    if ids.dtype == np.uint32:
        # no id reaches 2**31; one that seems to is negative, and so out of range
        ids = ids.view(np.int32)
    dtype = next((one for one in wanted if np.can_cast(ids.dtype, one)), np.int64)
    return np.require(ids, dtype, ["C", "A"])
