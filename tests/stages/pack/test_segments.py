import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.pack.segments import Pieces, split_pieces, whole_pieces

lengths_of = st.lists(st.integers(1, 40), max_size=25)


def rows_of(pieces: Pieces, rows: int, lengths: list[int]) -> list[list[tuple[int, int]]]:
    """The rows as lists of (document, position), checked to be without gaps."""
    out: list[list[tuple[int, int]]] = [[] for _ in range(rows)]
    for document, start, length, row, column in zip(
        pieces.document, pieces.start, pieces.length, pieces.row, pieces.column, strict=True
    ):
        assert len(out[row]) == column
        assert length >= 1
        assert start + length <= lengths[document]
        out[row] += [(int(document), int(start) + i) for i in range(length)]
    return out


@given(st.lists(st.integers(0, 40), max_size=25), st.integers(1, 16))
def test_split_is_the_stream_cut(lengths: list[int], row_length: int) -> None:
    stream = [(document, i) for document, length in enumerate(lengths) for i in range(length)]
    count = -(-len(stream) // row_length)
    rows = rows_of(split_pieces(np.array(lengths, np.int64), row_length), count, lengths)
    assert rows == [stream[i : i + row_length] for i in range(0, len(stream), row_length)]


@settings(deadline=None)
@given(lengths_of, st.integers(5, 16), st.integers(10, 200))
def test_best_fit_keeps_documents_whole(lengths: list[int], row_length: int, window: int) -> None:
    pieces, count = whole_pieces(np.array(lengths, np.int64), row_length, crop=False, window=window)
    rows = rows_of(pieces, count, lengths)
    assert all(0 < len(row) <= row_length for row in rows)
    found = sorted(token for row in rows for token in row)
    assert found == [(document, i) for document, length in enumerate(lengths) for i in range(length)]
    for document, length in enumerate(lengths):
        assert (pieces.document == document).sum() == -(-length // row_length)


@settings(deadline=None)
@given(lengths_of, st.integers(5, 16), st.integers(10, 200))
def test_aligned_rows_begin_with_documents(lengths: list[int], row_length: int, window: int) -> None:
    pieces, count = whole_pieces(np.array(lengths, np.int64), row_length, crop=True, window=window)
    rows = rows_of(pieces, count, lengths)
    assert all(position == 0 for row in rows for position in [row[0][1]])
    assert (pieces.start == 0).all()
    assert sorted(pieces.document.tolist()) == list(range(len(lengths)))
    windows = 1 + sum(lengths) // window + sum(length > window for length in lengths) + len(lengths) * 40 // window
    assert sum(len(row) < row_length for row in rows) <= windows  # the last row of each window may be short


def test_rows_stand_in_the_order_of_their_first_documents() -> None:
    lengths = np.random.default_rng(2).integers(1, 64, 500)
    pieces, count = whole_pieces(lengths, 64, crop=False)
    first = [int(pieces.document[pieces.row == row].min()) for row in range(count)]
    assert first == sorted(first)
    assert len(set(first)) == count


def test_best_fit_cuts_fewer_documents_than_splitting() -> None:
    lengths = np.random.default_rng(3).geometric(1 / 300, 5000)
    split, (whole, rows) = split_pieces(lengths, 1024), whole_pieces(lengths, 1024, crop=False)
    cut = {name: int((np.bincount(p.document) > 1).sum()) for name, p in (("split", split), ("whole", whole))}
    assert cut["whole"] == int((lengths > 1024).sum()) < cut["split"] / 5
    assert rows * 1024 < int(lengths.sum()) * 1.01


def test_no_documents() -> None:
    none = np.empty(0, np.int64)
    assert len(split_pieces(none, 8)) == 0
    pieces, rows = whole_pieces(none, 8, crop=True)
    assert (len(pieces), rows) == (0, 0)
