"""Segments as the rows that they fill, for tests."""

from dspipe.stages.pack.segments import Segments


def rows_of(segments: Segments, rows: int, lengths: list[int]) -> list[list[tuple[int, int]]]:
    """The rows as lists of (document, position), checked to be without gaps."""
    out: list[list[tuple[int, int]]] = [[] for _ in range(rows)]
    for document, start, length, row, column in zip(
        segments.document, segments.start, segments.length, segments.row, segments.column, strict=True
    ):
        assert len(out[row]) == column
        assert length >= 1
        assert start + length <= lengths[document]
        out[row] += [(int(document), int(start) + i) for i in range(length)]
    return out
