from collections import defaultdict

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.shared.dedup.collapse import collapse_equal_rows, documents_of_records
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)), max_size=30),
    st.sampled_from(["oldest", "newest"]),
)
def test_equal_rows_are_one_record_of_the_best(rows: list[tuple[int, int, int]], age: str) -> None:
    columns = np.array(rows, np.uint64).reshape(-1, 3).T.copy()
    numbers = np.arange(len(rows), dtype=np.uint32) * 3 + 5
    best, made = collapse_equal_rows(
        KeepPolicy(("length", age)), [columns[0], columns[1]], {"order0": columns[2]}, numbers
    )
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for position, (first, second, _) in enumerate(rows):
        groups[first, second].append(position)
    expected = []
    for key in sorted(groups):
        order = sorted(groups[key], key=lambda at: (rows[at][2], at if age == "oldest" else -at))
        expected.append((order[0], numbers[order].tolist()))
    assert best.tolist() == [position for position, _ in expected]
    table = pa.table(made)
    assert table["row"].to_pylist() == [copies[0] for _, copies in expected]
    assert table["copies"].to_pylist() == [copies[1:] for _, copies in expected]
    assert table["first"].to_pylist() == [min(copies) for _, copies in expected]
    assert documents_of_records(table).tolist() == [len(copies) for _, copies in expected]
