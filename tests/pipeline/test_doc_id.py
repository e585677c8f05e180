import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.doc_id import NO_DOCUMENT, doc_ids, doc_ids_at, rows_of, shards_of, split

HALF = st.integers(0, 2**32 - 1)


@given(st.lists(st.tuples(HALF, HALF), min_size=1))
def test_a_number_is_a_shard_and_a_row_and_ascends_with_them(places: list[tuple[int, int]]) -> None:
    shards, rows = (np.array(values, np.uint32) for values in zip(*places, strict=True))
    numbers = doc_ids_at(shards, rows)
    assert numbers.dtype == np.uint64
    assert shards_of(numbers).tolist() == shards.tolist() and rows_of(numbers).tolist() == rows.tolist()
    assert [split(number) for number in numbers.tolist()] == places
    assert [places[i] for i in np.argsort(numbers, kind="stable")] == sorted(places)
    assert doc_ids(places[0][0], rows)[0] == numbers[0]
    assert doc_ids_at(shards.astype(np.int64), rows.astype(np.int64)).tolist() == numbers.tolist()


def test_no_document() -> None:
    assert split(int(NO_DOCUMENT)) == (2**32 - 1, 2**32 - 1)
