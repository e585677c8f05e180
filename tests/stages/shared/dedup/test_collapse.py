"""Equal documents of a batch as one record."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.tasks.records import record_batch
from dspipe.stages.shared.dedup.collapse import collapse_equal_rows, documents_of_records
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy


@pytest.mark.parametrize("keep", ["oldest", "newest"])
@given(st.lists(st.integers(0, 3), max_size=12))
def test_equal_rows_become_one_record(keep: str, groups: list[int]) -> None:
    rows = np.arange(len(groups), dtype=np.uint32) * 2
    best, columns = collapse_equal_rows(KeepPolicy((keep,)), [np.array(groups, np.uint64)], {}, rows)
    batch = record_batch(columns)
    expected = {}
    for group in groups:
        members = [int(row) for row, other in zip(rows, groups, strict=True) if other == group]
        chosen = members[0] if keep == "oldest" else members[-1]
        expected[chosen] = (sorted(set(members) - {chosen}), members[0])
    found = {
        row: (sorted(copies), first)
        for row, copies, first in zip(*(batch.column(name).to_pylist() for name in batch.schema.names), strict=True)
    }
    assert found == expected
    assert rows[best].tolist() == batch.column("row").to_pylist()
    assert documents_of_records(batch).sum() == len(groups)


def test_the_best_row_is_that_of_the_policy() -> None:
    groups = [np.array([7, 7, 9, 7], np.uint64)]
    orders = {"order0": np.array([3, 1, 5, 1], np.uint64)}
    best, columns = collapse_equal_rows(KeepPolicy(("longest",)), groups, orders, np.array([4, 5, 6, 7], np.uint32))
    assert best.tolist() == [1, 2]  # the less the better, then the oldest
    assert columns["row"].to_pylist() == [5, 6]
    assert columns["copies"].to_pylist() == [[7, 4], []]
    assert columns["first"].to_pylist() == [4, 6]
