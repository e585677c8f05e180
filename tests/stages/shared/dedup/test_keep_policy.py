import numpy as np
import pyarrow as pa
import pytest

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
