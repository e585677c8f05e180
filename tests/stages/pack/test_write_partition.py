import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.pack.document_table import SUFFIX, load_table
from dspipe.stages.pack.drawn import DrawnDocuments
from dspipe.stages.pack.formats import mds
from dspipe.stages.pack.settings import RowSettings
from dspipe.stages.pack.summary import PackedCounts, PartitionSummary
from dspipe.stages.pack.write_partition import write_partition
from tests.stages.pack.drawn_shards import END, PAD, TOKENIZER, make_document, make_inputs
from tests.tasks import Inputs, make_task, read_emitted, read_made, run_function

DOCUMENTS = [make_document(f"d{n}", [n] * (n + 1)) for n in range(6)]  # 21 tokens, and an end token each


def receive(folder: Path) -> list[pa.RecordBatch]:
    documents = DrawnDocuments(make_task(folder / "sender", make_inputs(DOCUMENTS)), True)
    return list(documents.read())


def settings(**given: object) -> dict[str, object]:
    return RowSettings.model_validate({"length": 5, **given}).model_dump(mode="json")


def summary_of(content: bytes) -> PartitionSummary:
    return PartitionSummary.from_json(json.loads(content))


def test_rows_are_written_and_the_remainder_is_sent_on(tmp_path: Path) -> None:
    received = receive(tmp_path)
    task = make_task(tmp_path, Inputs(artifacts={"tokenizer": [TOKENIZER]}, received=received), emits=True)
    run_function(write_partition, task, settings())
    rows = [row for batch in received for row in batch.to_pylist()]
    ordered = sorted(rows, key=lambda row: row["key"])
    stream = [t for row in ordered for t in [*np.frombuffer(row["tokens"], "<u2").tolist(), END]]
    by_suffix = {f".{file['file'].partition('.')[2]}": file["file"] for file in task._files if file["name"] == "shards"}
    assert set(by_suffix) == {".bin", ".idx", SUFFIX}
    packed = np.frombuffer(task.store.read_bytes(by_suffix[".bin"]), "<u2")
    assert packed.tolist() == stream[:25]
    table = load_table(task.store.path(by_suffix[SUFFIX]))
    assert [table.documents.id(i) for i in dict.fromkeys(table.segment_document.tolist())] == [
        row["id"] for row in ordered[: len(table.documents)]
    ]
    remainder = read_emitted(task, 0)
    assert [token for record in remainder for token in record["tokens"]] == stream[25:]
    summary = summary_of(read_made(task, "summaries")[0])
    assert summary.counts == PackedCounts(
        rows=5,
        tokens=25,
        padding=0,
        documents=6,
        cut=summary.counts.cut,
        segments=len(table.segment_document) + len(remainder),
        added=6,
        remainder=2,
    )
    assert summary.contents is not None
    assert (summary.contents.dtype, summary.contents.domains) == ("uint16", {"web": 25})


def test_a_partition_of_less_than_a_row(tmp_path: Path) -> None:
    inputs = Inputs(artifacts={"tokenizer": [TOKENIZER]}, received=receive(tmp_path))
    task = make_task(tmp_path, inputs, emits=True)
    run_function(write_partition, task, settings(length=100))
    assert read_made(task, "shards") == []
    assert len(read_emitted(task, 0)) == 6
    summary = summary_of(read_made(task, "summaries")[0])
    assert summary.contents is None and summary.counts.remainder == 27


def test_documents_that_are_kept_whole_leave_padding(tmp_path: Path) -> None:
    inputs = Inputs(artifacts={"tokenizer": [TOKENIZER]}, received=receive(tmp_path))
    task = make_task(tmp_path, inputs, emits=True)
    run_function(write_partition, task, settings(mode="best_fit", length=8))
    counts = summary_of(read_made(task, "summaries")[0]).counts
    assert counts.cut == counts.remainder == 0
    assert counts.tokens == 27 and counts.padding == counts.rows * 8 - 27
    assert (np.frombuffer(read_made(task, "shards")[0], "<u2") == PAD).sum() == counts.padding


def test_an_empty_partition(tmp_path: Path) -> None:
    task = make_task(tmp_path, Inputs(artifacts={"tokenizer": [TOKENIZER]}, received=[]), emits=True)
    run_function(write_partition, task, settings())
    assert summary_of(read_made(task, "summaries")[0]) == PartitionSummary(PackedCounts(), None)


def test_a_shard_too_large_for_its_format_is_a_mistake_of_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(rows: int, row_length: int, dtype: object) -> bytes:
        raise mds.ShardTooLargeError("5 rows don't fit; set smaller shard_bytes")

    monkeypatch.setattr(mds, "make_header", refuse)
    inputs = Inputs(artifacts={"tokenizer": [TOKENIZER]}, received=receive(tmp_path))
    task = make_task(tmp_path, inputs, emits=True)
    with pytest.raises(ConfigError, match="set smaller shard_bytes") as caught:
        run_function(write_partition, task, settings(format="mds"))
    assert caught.value.key == ("shard_bytes",)
