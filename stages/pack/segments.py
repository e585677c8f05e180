"""Where documents go in rows: each document is one segment, or several where it is cut. Numpy only.

Documents here are streams of tokens, begin and end tokens included, in the order in which they are packed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Segments:
    """Parts of documents in rows, ordered by row and column; all int64[segments].

    `length` tokens of the `document` from `start` on stand in the `row` from `column` on.
    """

    document: Int64
    start: Int64
    length: Int64
    row: Int64
    column: Int64

    def __len__(self) -> int:
        return len(self.document)

    def __getitem__(self, chosen: slice) -> "Segments":
        return Segments(
            self.document[chosen], self.start[chosen], self.length[chosen], self.row[chosen], self.column[chosen]
        )


def split_documents(lengths: Int64, row_length: int) -> Segments:
    """Concatenate and split: rows are cut from the stream of all documents; the last row may be short."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    first = ends - lengths
    bounds = np.unique(np.concatenate([first[lengths > 0], np.arange(0, total, row_length, dtype=np.int64)]))
    document = np.searchsorted(ends, bounds, side="right").astype(np.int64)
    length = np.diff(bounds, append=total).astype(np.int64)
    return Segments(document, bounds - first[document], length, bounds // row_length, bounds % row_length)


def join_segments(parts: Sequence[Segments]) -> Segments:
    """The segments of all parts, one after the other."""
    joined = parts or [Segments(*(np.empty(0, np.int64) for _ in range(5)))]
    return Segments(
        np.concatenate([part.document for part in joined]),
        np.concatenate([part.start for part in joined]),
        np.concatenate([part.length for part in joined]),
        np.concatenate([part.row for part in joined]),
        np.concatenate([part.column for part in joined]),
    )
