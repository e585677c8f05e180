import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.pack.fit_documents import fit_documents
from dspipe.stages.pack.segments import split_documents
from tests.stages.pack.filled_rows import rows_of

lengths_of = st.lists(st.integers(1, 40), max_size=25)


@settings(deadline=None)
@given(lengths_of, st.integers(5, 16), st.integers(10, 200))
def test_best_fit_keeps_documents_whole(lengths: list[int], row_length: int, window: int) -> None:
    segments, count = fit_documents(np.array(lengths, np.int64), row_length, crop=False, window_tokens=window)
    rows = rows_of(segments, count, lengths)
    assert all(0 < len(row) <= row_length for row in rows)
    found = sorted(token for row in rows for token in row)
    assert found == [(document, i) for document, length in enumerate(lengths) for i in range(length)]
    for document, length in enumerate(lengths):
        assert (segments.document == document).sum() == -(-length // row_length)


@settings(deadline=None)
@given(lengths_of, st.integers(5, 16), st.integers(10, 200))
def test_aligned_rows_begin_with_documents(lengths: list[int], row_length: int, window: int) -> None:
    segments, count = fit_documents(np.array(lengths, np.int64), row_length, crop=True, window_tokens=window)
    rows = rows_of(segments, count, lengths)
    assert all(position == 0 for row in rows for position in [row[0][1]])
    assert (segments.start == 0).all()
    assert sorted(segments.document.tolist()) == list(range(len(lengths)))
    windows = 1 + sum(lengths) // window + sum(length > window for length in lengths) + len(lengths) * 40 // window
    assert sum(len(row) < row_length for row in rows) <= windows  # the last row of each window may be short


def test_rows_stand_in_the_order_of_their_first_documents() -> None:
    lengths = np.random.default_rng(2).integers(1, 64, 500)
    segments, count = fit_documents(lengths, 64, crop=False)
    first = [int(segments.document[segments.row == row].min()) for row in range(count)]
    assert first == sorted(first)
    assert len(set(first)) == count


def test_best_fit_cuts_fewer_documents_than_splitting() -> None:
    lengths = np.random.default_rng(3).geometric(1 / 300, 5000)
    split, (whole, rows) = split_documents(lengths, 1024), fit_documents(lengths, 1024, crop=False)
    cut = {name: int((np.bincount(p.document) > 1).sum()) for name, p in (("split", split), ("whole", whole))}
    assert cut["whole"] == int((lengths > 1024).sum()) < cut["split"] / 5
    assert rows * 1024 < int(lengths.sum()) * 1.01


def test_no_documents() -> None:
    segments, rows = fit_documents(np.empty(0, np.int64), 8, crop=True)
    assert (len(segments), rows) == (0, 0)
