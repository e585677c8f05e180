"""Row columns on their way out: in step with the shard's row groups, and no document lost, added or judged twice."""

import io
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.errors import ConservationError
from dspipe.pipeline.funnel import Counts, Funnel
from dspipe.pipeline.tasks.column_writer import ColumnWriter

VERDICT = pa.schema([("reason", pa.string())])
NUMBER = pa.schema([("x", pa.int64())])


def task_of(groups: Sequence[int], reasons: Sequence[str | None] = (), names: Sequence[str] = ("id", "reason")) -> Any:
    """A task over a shard of these row groups, whose documents are called d0, d1, ..."""
    rows = sum(groups)
    known = {
        "id": [f"d{row}" for row in range(rows)],
        "reason": list(reasons) or [None] * rows,
        "text_bytes": [10] * rows,
    }
    columns: dict[str, pa.Array] = {name: pa.array(known[name]) for name in names}
    columns |= {"reason": pa.array(known["reason"], pa.string())}

    def read(wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
        first = 0
        for group in groups:
            yield pa.record_batch({name: columns[name].slice(first, group) for name in wanted})
            first += group

    spec = SimpleNamespace(
        over="shards", groups=list(groups), columns=dict.fromkeys(names), phase="unique.verdicts", label="00000"
    )
    return SimpleNamespace(spec=spec, rows=read, funnel=[])


def write(task: Any, schema: pa.Schema, values: Sequence[Any], cuts: Sequence[int]) -> list[list[Any]]:
    """Write the rows in batches of these sizes; returns the row groups of the file."""
    file = io.BytesIO()
    output = ColumnWriter(task.spec, file, schema, task.rows, task.funnel)
    start = 0
    for size in cuts:
        column = pa.array(values[start : start + size], schema.field(0).type)
        output.write(pa.RecordBatch.from_arrays([column], schema=schema))
        start += size
    output.close()
    parquet = pq.ParquetFile(io.BytesIO(file.getvalue()))
    return [parquet.read_row_group(n).column(0).to_pylist() for n in range(parquet.num_row_groups)]


@given(st.lists(st.integers(1, 6), max_size=5), st.data())
def test_batches_of_any_size_become_the_shards_row_groups(groups: list[int], data: st.DataObject) -> None:
    values = list(range(sum(groups)))
    cuts = [0]  # a batch of no rows
    while sum(cuts) < len(values):
        cuts.append(data.draw(st.integers(1, len(values) - sum(cuts))))
    found = write(task_of(groups), NUMBER, values, cuts)
    assert [len(group) for group in found] == groups
    assert [value for group in found for value in group] == values


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (4, r"5 documents went in and 4 came out; the first one missing is d4"),
        (6, r"5 documents went in and 6 came out; a stage made rows of its own"),
    ],
)
def test_documents_lost_and_made(rows: int, message: str) -> None:
    with pytest.raises(ConservationError, match=message):
        write(task_of([2, 3]), NUMBER, [0] * rows, [rows])
    with pytest.raises(ConservationError, match="rows are missing"):
        write(task_of([2, 3], names=["reason"]), NUMBER, [0, 0], [2])


def test_a_verdict_may_not_be_taken_back_or_changed() -> None:
    before = [None, "lengths.short", None, "lengths.short"]
    after = ["unique.repeated", "lengths.short", None, "lengths.short"]
    task = task_of([2, 2], before, ["id", "reason", "text_bytes"])
    write(task, VERDICT, after, [4])
    (funnel,) = task.funnel
    assert funnel.stage == "unique"
    assert (funnel.entered, funnel.kept) == (Counts(2, 20), Counts(1, 10))
    for changed in (None, "unique.repeated"):
        wrong = [*after[:3], changed]
        message = rf"document d3 was dropped before \(lengths.short\) and is now {changed}"
        with pytest.raises(ConservationError, match=message):
            write(task_of([2, 2], before), VERDICT, wrong, [1, 3])


def test_what_stages_count_must_be_what_their_rows_say() -> None:
    task = task_of([3])
    task.funnel = [Funnel("a", Counts(3), Counts(2), {"a.x": Counts(1)}), Funnel("b", Counts(2), Counts(2))]
    write(task, VERDICT, [None, "a.x", None], [3])
    task.funnel = [Funnel("a", Counts(3), Counts(2), {"a.x": Counts(1)})]
    message = r"its stages count 1 documents dropped and 2 kept, its rows say 2 and 1"
    with pytest.raises(ConservationError, match=message):
        write(task, VERDICT, ["a.x", "a.x", None], [3])


def test_the_text_pass_makes_the_row_groups() -> None:
    task = task_of([])
    task.spec.over = "inputs"
    assert write(task, NUMBER, [1, 2, 3], [2, 1]) == [[1, 2], [3]]
