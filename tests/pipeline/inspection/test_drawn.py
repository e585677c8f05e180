"""Drawn documents: as many as asked for, the same however they are read."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.inspection.drawn import DrawnByGroup, SampleOfAll


def documents(n: int) -> pa.RecordBatch:
    rng = np.random.default_rng(n)
    reasons = [None if kind == 0 else f"reason {kind}" for kind in rng.integers(0, 5, n)]
    return pa.RecordBatch.from_pydict(
        {
            "number": pa.array(np.arange(n, dtype=np.uint64)),
            "origin": pa.array(rng.integers(0, 1 << 63, n, np.uint64)),
            "reason": pa.array(reasons, pa.string()),
            "language": pa.array([["en", "zh", None][k] for k in rng.integers(0, 3, n)], pa.string()),
        }
    )


@given(st.integers(0, 300), st.integers(1, 300), st.integers(1, 4))
def test_a_few_of_each_however_they_are_read(n: int, at_once: int, each: int) -> None:
    batch = documents(n)
    whole, parts = (DrawnByGroup(["reason"], each, seed=3) for _ in range(2))
    whole.add(batch)
    for start in range(0, n, at_once):
        parts.add(batch.slice(start, at_once))
    found = {key: sorted(numbers) for key, numbers in whole.found().items()}
    assert found == {key: sorted(numbers) for key, numbers in parts.found().items()}
    reasons = batch.column("reason").to_pylist()
    assert found.keys() == {(reason,) for reason in reasons if reason is not None}
    for (reason,), numbers in found.items():
        assert len(numbers) == min(each, reasons.count(reason))
        assert all(reasons[number] == reason for number in numbers)


def test_documents_that_come_first() -> None:
    batch = documents(200)
    wanted = [at for at, reason in enumerate(batch.column("reason").to_pylist()) if reason == "reason 1"][:2]
    drawn = DrawnByGroup(["reason"], 3, seed=1, first=batch.column("origin").to_numpy()[wanted])
    drawn.add(batch)
    assert set(wanted) < set(drawn.found()[("reason 1",)])


def test_of_kept_documents_by_two_columns() -> None:
    batch = documents(200)
    drawn = DrawnByGroup(["language", "reason"], 3, seed=1, kept_only=True)
    drawn.add(batch)
    assert drawn.found().keys() == {("en", None), ("zh", None), (None, None)}
    other = DrawnByGroup(["language", "reason"], 3, seed=2, kept_only=True)
    other.add(batch)
    assert drawn.found() != other.found()


@given(st.integers(0, 2000), st.integers(1, 500))
def test_a_sample_of_all_is_bounded_and_uniform(n: int, at_once: int) -> None:
    sample = SampleOfAll(["reason"], most=200, seed=5)
    batch = documents(n)
    for start in range(0, n, at_once):
        sample.add(batch.slice(start, at_once))
    numbers = sample.found().column("number").to_pylist()
    assert sample.documents == n and numbers == sorted(numbers)
    if n <= 200:
        assert numbers == list(range(n))
    else:
        assert 40 <= len(numbers) <= 200  # half of them in the mean, at every halving
