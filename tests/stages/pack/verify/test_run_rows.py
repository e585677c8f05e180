from pathlib import Path

import pytest

from dspipe.pipeline.errors import RunNotFoundError
from dspipe.stages.pack.verify.run_rows import open_rows
from tests.engine import run_inline
from tests.stages.pack.runs import make_config, make_documents


def test_each_column_as_the_newest_phase_wrote_it(tmp_path: Path) -> None:
    documents = make_documents(50)
    config = make_config(tmp_path, documents, length=32, remix={})
    config["stages"].insert(0, {"tests.toys.lengths": {"minimum": 30}})
    run_inline(config)
    read = open_rows(str(tmp_path / "run"))
    rows = [row for batch in read(["id", "text", "reason", "copies", "tokens", "nothing"]) for row in batch.to_pylist()]
    texts = {document["id"]: document["text"] for document in documents}
    assert {row["id"]: row["text"] for row in rows} == texts
    for row in rows:
        # written by the judges first, and again by the draw
        assert (row["reason"] is None) == (len(row["text"]) >= 30)
        assert (row["copies"] > 0) == (row["reason"] is None)
        assert row["tokens"] == (len(row["text"]) if row["reason"] is None else 0)
        assert row["nothing"] is None
    assert [row["id"] for batch in read(["id"]) for row in batch.to_pylist()] == [row["id"] for row in rows]


def test_there_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError):
        open_rows(str(tmp_path))
