"""Places of records as text, and the pieces that are fetched."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.sources.reading.chosen import pack_places, pieces, unpack_places

places = st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(1, 1 << 24)), min_size=1, max_size=20)


@given(places, st.integers(0, 1 << 22))
def test_places_come_back_and_pieces_cover_each_once(found: list[tuple[int, int]], read_through: int) -> None:
    found.sort()
    starts, lengths = (np.array(column, np.int64) for column in zip(*found, strict=True))
    text = pack_places(starts, lengths)
    again = unpack_places(text)
    assert np.array_equal(again[0], starts)
    assert np.array_equal(again[1], lengths)
    made = list(pieces(starts, lengths, read_through))
    assert [pair for piece in made for pair in zip(piece.starts, piece.ends, strict=True)] == [
        (start, start + length) for start, length in found
    ]
    for piece in made:
        assert piece.start == piece.starts[0]
        assert piece.end == max(piece.ends)
        assert piece.end - piece.start <= max(8 << 20, piece.ends[0] - piece.start)


def test_neighbours_are_fetched_together() -> None:
    starts, lengths = np.array([0, 10, 25, 100], np.int64), np.array([10, 10, 10, 10], np.int64)
    assert [(piece.start, piece.end) for piece in pieces(starts, lengths, 0)] == [(0, 20), (25, 35), (100, 110)]
    assert [(piece.start, piece.end) for piece in pieces(starts, lengths, 5)] == [(0, 35), (100, 110)]
    assert [(piece.start, piece.end) for piece in pieces(starts, lengths, 65)] == [(0, 110)]


def test_a_place_takes_few_bytes() -> None:
    random = np.random.default_rng(1)
    starts, lengths = np.sort(random.integers(0, 1 << 30, 400)), random.integers(2_000, 60_000, 400)
    assert len(pack_places(starts, lengths)) < 8 * 400
