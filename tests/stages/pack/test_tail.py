import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dspipe.stages.pack.document_table import SUFFIX, load_table
from dspipe.stages.pack.remainder import make_records
from dspipe.stages.pack.segments import split_documents
from dspipe.stages.pack.settings import TailSettings
from dspipe.stages.pack.summary import PackedCounts, PartitionSummary
from dspipe.stages.pack.tail import write_tail
from tests.stages.pack.drawn_shards import PAD, TOKENIZER
from tests.stages.pack.made_shard import LENGTHS, make_documents
from tests.tasks import Inputs, make_task, read_made, run_function


def make_remainder(first: int) -> pa.RecordBatch:
    """The last four tokens of the shard of tests.stages.pack.made_shard in rows of five: all of document 字 but two."""
    segments = split_documents(LENGTHS, 5)
    last = segments[int(np.searchsorted(segments.row, 4)) :]
    return make_records(make_documents(), last, np.arange(first, first + 5, dtype=np.uint16))


def settings(length: int, remainder: str) -> dict[str, Any]:
    return TailSettings.model_validate({"length": length, "remainder": remainder}).model_dump(mode="json")


def run_tail(folder: Path, received: list[pa.RecordBatch], length: int, remainder: str) -> tuple[Any, PartitionSummary]:
    task = make_task(folder, Inputs(artifacts={"tokenizer": [TOKENIZER]}, received=received))
    run_function(write_tail, task, settings(length, remainder))
    return task, PartitionSummary.from_json(json.loads(read_made(task, "tail_summary")[0]))


def test_remainders_are_joined_in_the_order_of_their_partitions(tmp_path: Path) -> None:
    task, summary = run_tail(tmp_path, [make_remainder(10), make_remainder(20)], 3, "pad")
    packed = np.frombuffer(read_made(task, "tail")[0], "<u2").reshape(-1, 3)
    assert packed.tolist() == [[10, 11, 12], [13, 20, 21], [22, 23, PAD]]
    assert summary.counts == PackedCounts(rows=3, tokens=8, padding=1, segments=2)
    assert summary.contents is not None and summary.contents.documents == 0  # both begin in other shards
    (file,) = [file["file"] for file in task._files if file["file"].endswith(SUFFIX)]
    table = load_table(task.store.path(file))
    assert [table.documents.id(i) for i in range(2)] == ["字", "字"]
    assert table.segment_start.tolist() == [2, 5, 2, 4]  # within the document, which lost two tokens before
    assert table.segment_length.tolist() == [3, 1, 2, 2]


@pytest.mark.parametrize(("length", "rows", "dropped"), [(3, 2, 2), (8, 1, 0), (9, 0, 8)])
def test_the_last_short_row_can_be_dropped(tmp_path: Path, length: int, rows: int, dropped: int) -> None:
    _, summary = run_tail(tmp_path, [make_remainder(10), make_remainder(20)], length, "drop")
    counts = summary.counts
    assert (counts.rows, counts.dropped, counts.padding) == (rows, dropped, 0)
    assert counts.tokens + counts.dropped == 8
    assert (summary.contents is None) == (rows == 0)


def test_nothing_is_left(tmp_path: Path) -> None:
    task, summary = run_tail(tmp_path, [], 4, "pad")
    assert summary == PartitionSummary(PackedCounts(), None)
    assert read_made(task, "tail") == []


def test_whole_documents_that_are_dropped_are_counted(tmp_path: Path) -> None:
    whole = make_records(make_documents(), split_documents(LENGTHS, 24), np.arange(24, dtype=np.uint16))
    _, summary = run_tail(tmp_path, [whole], 20, "drop")
    assert (summary.counts.rows, summary.counts.dropped, summary.counts.dropped_documents) == (1, 4, 0)
    _, summary = run_tail(tmp_path / "b", [whole], 100, "drop")
    assert (summary.counts.dropped, summary.counts.dropped_documents) == (24, 5)
