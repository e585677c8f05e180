import json
from pathlib import Path

from dspipe.stages.pack.drawn import DrawnDocuments
from dspipe.stages.pack.scatter import send_documents
from tests.stages.pack.drawn_shards import make_document, make_inputs
from tests.tasks import make_task, read_emitted, read_made, run_function

DOCUMENTS = [make_document(f"doc-{n}", [n] * (n % 5), copies=n % 3) for n in range(200)]


def test_copies_are_sent_where_their_keys_say(tmp_path: Path) -> None:
    inputs = make_inputs(DOCUMENTS, group=70)
    task = make_task(tmp_path, inputs, emits=True, partitions=5)
    run_function(send_documents, task, {"remixed": True})
    found = [read_emitted(task, partition) for partition in range(5)]
    for partition, rows in enumerate(found):
        assert rows
        assert all(row["key"] * 5 >> 64 == partition for row in rows)
    documents = DrawnDocuments(make_task(tmp_path / "again", inputs), True)
    expected = [row for batch in documents.read() for row in batch.to_pylist()]
    assert sorted((row for rows in found for row in rows), key=lambda row: row["key"]) == sorted(
        expected, key=lambda row: row["key"]
    )
    counts = json.loads(read_made(task, "drawn")[0])
    assert counts == {
        "documents": sum(n % 3 > 0 for n in range(200)),
        "document_tokens": sum(n % 5 for n in range(200) if n % 3),
        "copies": sum(n % 3 for n in range(200) if n % 5),
        "tokens": sum((n % 3) * (n % 5) for n in range(200)),
        "empty": sum(n % 3 for n in range(0, 200, 5)),
    }


def test_a_shard_of_which_nothing_is_drawn(tmp_path: Path) -> None:
    task = make_task(tmp_path, make_inputs([make_document("a", [1], copies=0)]), emits=True, partitions=2)
    run_function(send_documents, task, {"remixed": True})
    assert read_emitted(task, 0) == read_emitted(task, 1) == []
    assert json.loads(read_made(task, "drawn")[0]) == {
        "documents": 0,
        "document_tokens": 0,
        "copies": 0,
        "tokens": 0,
        "empty": 0,
    }
