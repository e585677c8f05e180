"""Which copy is kept: criteria in order, made a total order."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.shared.dedup.keep_policy import KeepPolicy


def test_the_best_by_a_column_with_nulls_and_nan() -> None:
    policy = KeepPolicy(("quality", "longest"))
    assert policy.columns() == ("quality", "text_bytes")
    values = [0.5, None, float("nan"), -1.0, 0.0, -0.0, float("inf"), float("-inf"), 0.5]
    batch = pa.RecordBatch.from_pydict({"quality": values, "text_bytes": [1, 2, 3, 4, 5, 6, 7, 8, 9]})
    orders = list(policy.order(batch).values())
    order = policy.sort([np.zeros(9, np.uint64)], orders, np.arange(9, dtype=np.uint64))
    assert order.tolist() == [6, 8, 0, 5, 4, 3, 7, 2, 1]
    with pytest.raises(TypeError, match="quality"):
        policy.order(pa.RecordBatch.from_pydict({"quality": ["high"], "text_bytes": [1]}))


ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["books", "web", "new", None]),
        st.integers(0, 5),
        st.one_of(st.none(), st.floats(width=32)),
    ),
    max_size=12,
)
CRITERIA = st.lists(st.sampled_from(["oldest", "newest", "longest", "source", "quality"]), unique=True)


@given(ROWS, CRITERIA)
def test_against_pythons_sorting(rows: list[tuple[int, str | None, int, float | None]], keep: list[str]) -> None:
    policy = KeepPolicy(tuple(keep), ("web", "books"))
    columns = {
        "source": pa.array([source for _, source, _, _ in rows], pa.string()),
        "text_bytes": pa.array([size for _, _, size, _ in rows], pa.int64()),
        "quality": pa.array([quality for _, _, _, quality in rows], pa.float32()),
    }

    def key(place: int) -> list[float]:
        group, source, size, quality = rows[place]
        worst = quality is None or quality != quality
        values: list[float] = [group]
        for name in keep:
            if name == "longest":
                values.append(-size)
            elif name == "source":
                values.append({"web": 0, "books": 1}.get(source or "", 2))
            elif name == "quality":
                values += [worst, 0 if quality is None or worst else -quality]
        return [*values, -place if "newest" in keep else place]

    orders = policy.order(pa.record_batch(columns))
    assert list(orders) == policy.order_names
    groups = np.array([group for group, _, _, _ in rows], np.uint64)
    found = policy.sort([groups], list(orders.values()), np.arange(len(rows), dtype=np.uint64))
    assert found.tolist() == sorted(range(len(rows)), key=key)


def test_settings_there_and_back() -> None:
    policy = KeepPolicy(("source", "newest"), ("web",))
    assert KeepPolicy.of(policy.settings) == policy
    assert policy.newest and not KeepPolicy(("oldest",)).newest
    assert policy.columns() == ("source",)
