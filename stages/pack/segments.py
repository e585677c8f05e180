"""Where documents go in rows: each document is one piece, or several where it is cut.

Documents here are streams of tokens, begin and end tokens included, in the order of the shuffle.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

WINDOW = 1 << 22
"""Modes that keep documents whole choose among the documents of a window of this many tokens (a thousand rows of 4,096:
padding is below 0.1 % there, and the shuffle stays global up to a window)."""


@dataclass(frozen=True)
class Pieces:
    """All pieces by row and column: lengths tokens of the document from `start` on, put into `row` at `column`."""

    document: Int64
    start: Int64
    length: Int64
    row: Int64
    column: Int64

    def __len__(self) -> int:
        return len(self.document)

    def __getitem__(self, chosen: slice) -> "Pieces":
        return Pieces(
            self.document[chosen], self.start[chosen], self.length[chosen], self.row[chosen], self.column[chosen]
        )


def split_pieces(lengths: Int64, row_length: int) -> Pieces:
    """Concatenate and split: rows are cut from the stream of all documents; the last row may be short."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    first = ends - lengths
    bounds = np.unique(np.concatenate([first[lengths > 0], np.arange(0, total, row_length, dtype=np.int64)]))
    document = np.searchsorted(ends, bounds, side="right").astype(np.int64)
    length = np.diff(bounds, append=total).astype(np.int64)
    return Pieces(document, bounds - first[document], length, bounds // row_length, bounds % row_length)


def whole_pieces(lengths: Int64, row_length: int, crop: bool, window: int = WINDOW) -> tuple[Pieces, int]:
    """Documents whole in rows, a window at a time: the pieces, and the number of rows.

    Without `crop` (best-fit packing; Ding et al. 2024, "Fewer truncations improve language modeling") documents longer
    than a row are cut into rows and a rest, no other is cut, and rows are padded. With `crop` (BOS-aligned) every row
    begins with the beginning of a document, rows are filled by cutting a document's end off, and what is cut off is
    not packed at all. Rows stand in the order of their first documents.
    """
    from dspipe.kernels.pack import fill_rows

    parts: list[Pieces] = []
    rows = 0
    ends = np.cumsum(lengths)
    start = 0
    while start < len(lengths):
        begin_token = int(ends[start] - lengths[start])
        stop = max(start + 1, int(np.searchsorted(ends, begin_token + window, side="right")))
        document = np.arange(start, stop, dtype=np.int64)
        here = lengths[start:stop]
        if crop:
            piece_document, piece_start, piece_length = document, np.zeros_like(document), np.minimum(here, row_length)
        else:
            count = -(-here // row_length)
            piece_document = np.repeat(document, count)
            number = np.arange(len(piece_document)) - np.repeat(np.cumsum(count) - count, count)
            piece_start = number * row_length
            piece_length = np.minimum(lengths[piece_document] - piece_start, row_length)
        row = np.empty(len(piece_document), np.int64)
        kept = np.empty(len(piece_document), np.int64)
        made = fill_rows(piece_length, row_length, crop, row, kept)
        # rows come out longest piece first; their order is made that of their first documents, which is the shuffle's
        first_document = np.full(made, len(lengths), np.int64)
        np.minimum.at(first_document, row, piece_document)
        rank = np.empty(made, np.int64)
        # two rows can have one first document when it is longer than a row: then the earlier piece's row comes first
        first_start = np.full(made, np.iinfo(np.int64).max)
        is_first = piece_document == first_document[row]
        np.minimum.at(first_start, row[is_first], piece_start[is_first])
        rank[np.lexsort((first_start, first_document))] = np.arange(made)
        row = rank[row]
        cut = kept < piece_length  # a document without its end goes last in its row
        order = np.lexsort((piece_start, piece_document, cut, row))
        row, length = row[order], kept[order]
        before = np.cumsum(length) - length
        column = before - before[np.searchsorted(row, row)]
        parts.append(Pieces(piece_document[order], piece_start[order], length, row + rows, column))
        rows += made
        start = stop
    return _joined(parts), rows


def _joined(parts: list[Pieces]) -> Pieces:
    empty = [Pieces(*(np.empty(0, np.int64) for _ in range(5)))]
    joined = parts or empty
    return Pieces(
        np.concatenate([part.document for part in joined]),
        np.concatenate([part.start for part in joined]),
        np.concatenate([part.length for part in joined]),
        np.concatenate([part.row for part in joined]),
        np.concatenate([part.column for part in joined]),
    )
