"""The example of a topic model from sources."""

from pathlib import Path

import pytest

from dspipe.kernels.jit import INTERPRETED
from dspipe.pipeline.inspection.document_table import DocumentTable
from examples.topics import label_run, train_topics
from tests.stages.quality.toy_labels import topics, write


@pytest.mark.skipif(INTERPRETED, reason="trains a model")
def test_files_are_topics_and_a_run_is_labelled(tmp_path: Path) -> None:
    documents = topics(80)
    files = [
        write(tmp_path / f"{topic}.jsonl", [one for one in documents if one["label"] == topic])
        for topic in ("law", "sport")
    ]
    result = train_topics(files, tmp_path / "made")
    assert result["kind"] == "classes" and result["accuracy"] == 1.0
    table = DocumentTable.open(str(label_run(files, tmp_path / "made")))
    found = [row for rows in table.read(["id", "topic"]) for row in rows.batch.to_pylist()]
    assert len(found) == 160
    assert sum(row["topic"] == row["id"].partition("-")[0] for row in found) > 150
