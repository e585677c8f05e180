import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dspipe.pipeline.tasks.origins import origins_of
from dspipe.stages.pack.drawn import RECORD, DrawnCounts, DrawnDocuments, write_counts
from dspipe.stages.pack.shuffle_keys import OrderKeys
from tests.stages.pack.drawn_shards import make_document, make_inputs
from tests.tasks import make_task, read_made

DOCUMENTS = [
    make_document("a", [1, 2, 3], copies=2),
    make_document("dropped", [], copies=0),
    make_document("b", [4], copies=1, domain="code"),
    make_document("empty", [], copies=3),
    make_document("not drawn", [5, 5], copies=0),
]


def records(folder: Path, documents: list[dict[str, Any]], **kwargs: Any) -> tuple[list[dict[str, Any]], DrawnCounts]:
    remixed = kwargs.get("remixed", True)
    drawn = DrawnDocuments(make_task(folder, make_inputs(documents, **kwargs)), remixed)
    batches = list(drawn.read())
    assert all(batch.schema.names == RECORD and batch.num_rows for batch in batches)
    return [row for batch in batches for row in batch.to_pylist()], drawn.counts


@pytest.mark.parametrize("width", [2, 4])
def test_a_record_for_each_copy(tmp_path: Path, width: int) -> None:
    found, counts = records(tmp_path, DOCUMENTS, width=width)
    assert [(row["id"], row["copy"], row["domain"], row["source"]) for row in found] == [
        ("a", 0, "web", "made"),
        ("a", 1, "web", "made"),
        ("b", 0, "code", "made"),
    ]
    assert [np.frombuffer(row["tokens"], f"<u{row['width']}").tolist() for row in found] == [[1, 2, 3], [1, 2, 3], [4]]
    assert {row["width"] for row in found} == {width}
    assert counts == DrawnCounts(documents=3, document_tokens=4, copies=3, tokens=7, empty=3)


def test_keys_are_those_of_seed_origin_and_copy(tmp_path: Path) -> None:
    found, _ = records(tmp_path, DOCUMENTS)
    names = pa.array(["a", "b"])
    expected = OrderKeys(1).of(pa.array(origins_of("made", names)), names, np.array([0, 0, 1]), np.array([0, 1, 0]))
    assert [row["key"] for row in found] == expected.tolist()


def test_without_a_mixture_each_kept_document_is_drawn_once(tmp_path: Path) -> None:
    found, counts = records(tmp_path, DOCUMENTS, remixed=False)
    assert [(row["id"], row["copy"]) for row in found] == [("a", 0), ("b", 0)]
    assert counts == DrawnCounts(documents=3, document_tokens=4, copies=2, tokens=4, empty=1)


def test_each_reading_begins_at_the_first(tmp_path: Path) -> None:
    drawn = DrawnDocuments(make_task(tmp_path, make_inputs(DOCUMENTS)), True)
    first, counts = list(drawn.read()), drawn.counts
    assert [batch.to_pylist() for batch in drawn.read()] == [batch.to_pylist() for batch in first]
    assert drawn.counts == counts


def test_counts_are_kept_for_the_index(tmp_path: Path) -> None:
    task = make_task(tmp_path, make_inputs(DOCUMENTS))
    write_counts(task, DrawnCounts(3, 5, 4, 7, 1).plus(DrawnCounts(1, 1, 1, 1, 1)))
    counts = {"documents": 4, "document_tokens": 6, "copies": 5, "tokens": 8, "empty": 2}
    assert [json.loads(content) for content in read_made(task, "drawn")] == [counts]
    assert task.counters == counts
