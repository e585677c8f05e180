"""Rows that were made before are found batch by batch, and go to their places among those that are made now."""

from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.storage.columns import RowsWriter
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.earlier_rows import EarlierRows, in_order_of, without
from dspipe.pipeline.tasks.spec import MadeBefore

SCHEMA = pa.schema([("origin", pa.uint64()), ("text", pa.large_string())])


def rows(numbers: list[int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"origin": numbers, "text": [f"text {number}" for number in numbers]}, SCHEMA)


def written(store: Store, groups: list[list[int]]) -> MadeBefore:
    with store.writing("rows.parquet") as file:
        writer = RowsWriter(file, SCHEMA)
        for numbers in groups:
            writer.write(rows(numbers))
        writer.close()
    return {
        "columns": {name: ["rows.parquet", ""] for name in SCHEMA.names},
        "groups": [len(one) for one in groups],
        "files": [],
    }


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=5), min_size=1, max_size=5))
def test_good_and_failed_documents_make_the_whole_batch(tmp_path_factory: object, good: list[list[bool]]) -> None:
    numbers = iter(range(100, 0, -1))
    batches = [[(next(numbers), one) for one in batch] for batch in good]
    groups = [kept for batch in batches if (kept := [number for number, one in batch if one])]
    folder: Path = tmp_path_factory.mktemp("rows")  # type: ignore[attr-defined]
    earlier = EarlierRows(store := Store(str(folder)), written(store, groups), SCHEMA)
    for batch in batches:
        documents = rows([number for number, _ in batch])
        made = earlier.of(documents)
        assert (made is None) == (not any(one for _, one in batch))
        if made is not None:
            failed = without(documents, made)
            assert failed.column("origin").to_pylist() == [number for number, one in batch if not one]
            assert in_order_of(documents, [made, failed]).equals(documents)


def test_rows_of_other_batches_are_not_taken(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    earlier = EarlierRows(store, written(store, [[1, 2, 3], [4]]), SCHEMA)
    assert earlier.of(rows([1, 2])) is None
    assert earlier.of(rows([3, 4])) is None
