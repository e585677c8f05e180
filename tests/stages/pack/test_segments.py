import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.pack.segments import join_segments, split_documents
from tests.stages.pack.filled_rows import rows_of


@given(st.lists(st.integers(0, 40), max_size=25), st.integers(1, 16))
def test_split_is_the_stream_cut(lengths: list[int], row_length: int) -> None:
    stream = [(document, i) for document, length in enumerate(lengths) for i in range(length)]
    count = -(-len(stream) // row_length)
    rows = rows_of(split_documents(np.array(lengths, np.int64), row_length), count, lengths)
    assert rows == [stream[i : i + row_length] for i in range(0, len(stream), row_length)]


def test_no_documents() -> None:
    assert len(split_documents(np.empty(0, np.int64), 8)) == len(join_segments([])) == 0


def test_parts_are_joined_as_they_were_cut() -> None:
    segments = split_documents(np.array([3, 9, 0, 4]), 5)
    joined = join_segments([segments[:2], segments[2:2], segments[2:]])
    assert joined.document.tolist() == segments.document.tolist() == [0, 1, 1, 1, 3, 3]
    assert joined.column.tolist() == segments.column.tolist() == [0, 3, 0, 0, 2, 0]
