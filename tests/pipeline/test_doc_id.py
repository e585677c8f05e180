"""Numbers of documents: a shard and a row, there and back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.doc_id import NO_DOCUMENT, doc_ids, doc_ids_at, join, place_of, rows_of, shards_of, split

PLACES = st.lists(st.tuples(st.integers(0, 2**32 - 2), st.integers(0, 2**32 - 1)), max_size=9)


@given(PLACES)
def test_there_and_back(places: list[tuple[int, int]]) -> None:
    shards, rows = (np.array([place[k] for place in places], np.uint32) for k in range(2))
    numbers = doc_ids_at(shards, rows)
    assert numbers.dtype == np.uint64
    assert shards_of(numbers).tolist() == shards.tolist()
    assert rows_of(numbers).tolist() == rows.tolist()
    assert [split(number) for number in numbers.tolist()] == places
    assert [place_of(number) for number in numbers.tolist()] == [f"{shard}.{row}" for shard, row in places]
    assert [join(*place) for place in places] == numbers.tolist()
    for shard, row in places:
        assert doc_ids(shard, np.array([row])).tolist() == [shard << 32 | row]
    # of two documents the one of the older shard, then of the earlier row, is the smaller
    assert [split(number) for number in sorted(numbers.tolist())] == sorted(places)
    assert NO_DOCUMENT not in numbers
