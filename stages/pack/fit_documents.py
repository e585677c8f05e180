"""The modes of packing that keep documents whole: `best_fit` and `aligned`."""

import numpy as np

from dspipe.kernels.pack import fill_rows
from dspipe.stages.pack.segments import Int64, Segments, join_segments

WINDOW_TOKENS = 1 << 22
"""Rows are filled from the documents of a window of this many tokens (a thousand rows of 4,096: padding is below 0.1 %
there, and the shuffle stays global up to a window)."""


def fit_documents(
    lengths: Int64, row_length: int, crop: bool, window_tokens: int = WINDOW_TOKENS
) -> tuple[Segments, int]:
    """Documents of these lengths whole in rows, a window at a time: the segments, and the number of rows.

    Without `crop` (best-fit packing; Ding et al. 2024, "Fewer truncations improve language modeling") documents longer
    than a row are cut into rows and a remainder, no other is cut, and rows are padded. With `crop` (BOS-aligned) every
    row begins with the beginning of a document, rows are filled by cutting a document's end off, and what is cut off is
    not packed at all. Rows stand in the order of their first documents.
    """
    parts: list[Segments] = []
    rows = start = 0
    ends = np.cumsum(lengths)
    while start < len(lengths):
        window_start = int(ends[start] - lengths[start])
        stop = max(start + 1, int(np.searchsorted(ends, window_start + window_tokens, side="right")))
        segments, made = _fill_window(lengths, start, stop, row_length, crop)
        parts.append(Segments(segments.document, segments.start, segments.length, segments.row + rows, segments.column))
        rows += made
        start = stop
    return join_segments(parts), rows


def _fill_window(lengths: Int64, start: int, stop: int, row_length: int, crop: bool) -> tuple[Segments, int]:
    """The segments of the documents start..stop in rows from 0 on, and the number of rows."""
    document = np.arange(start, stop, dtype=np.int64)
    if crop:
        segment_start = np.zeros_like(document)
        segment_length = np.minimum(lengths[start:stop], row_length)
    else:
        count = -(-lengths[start:stop] // row_length)
        document = np.repeat(document, count)
        segment_start = row_length * (np.arange(len(document)) - np.repeat(np.cumsum(count) - count, count))
        segment_length = np.minimum(lengths[document] - segment_start, row_length)
    row, kept = np.empty(len(document), np.int64), np.empty(len(document), np.int64)
    rows = fill_rows(segment_length, row_length, crop, row, kept)
    row = _order_rows(document, segment_start, row, rows)[row]
    cropped = kept < segment_length  # a document without its end goes last in its row
    order = np.lexsort((segment_start, document, cropped, row))
    row, length = row[order], kept[order]
    before = np.cumsum(length) - length
    return Segments(
        document[order], segment_start[order], length, row, before - before[np.searchsorted(row, row)]
    ), rows


def _order_rows(document: Int64, segment_start: Int64, row: Int64, rows: int) -> Int64:
    """The rank of each row: rows come longest segment first, and go in the order of their first documents."""
    first_document = np.full(rows, np.iinfo(np.int64).max)
    np.minimum.at(first_document, row, document)
    # two rows can have one first document when it is longer than a row: then the earlier segment's row comes first
    first_start = np.full(rows, np.iinfo(np.int64).max)
    is_first = document == first_document[row]
    np.minimum.at(first_start, row[is_first], segment_start[is_first])
    rank = np.empty(rows, np.int64)
    rank[np.lexsort((first_start, first_document))] = np.arange(rows)
    return rank
