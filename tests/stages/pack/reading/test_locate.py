from pathlib import Path

import pytest

from dspipe.stages.pack.reading.locate import Location, locate_document
from dspipe.stages.pack.reading.reader import PackedDataset
from dspipe.stages.pack.reading.shard_files import ShardError
from tests.engine import run_inline
from tests.stages.pack.runs import END, make_config, make_documents


@pytest.fixture(scope="module", params=["megatron", "mds", "parquet"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp(request.param)
    run_inline(make_config(folder, make_documents(), length=32, shard_bytes=65536, format=request.param))
    return folder / "run"


def read(data: PackedDataset, segments: list[Location]) -> list[int]:
    """The tokens of segments, one behind the other."""
    return [t for s in segments for t in data[s.row]["tokens"][s.column : s.column + s.length].tolist()]


def test_the_segments_of_a_document_are_its_tokens(run: Path) -> None:
    data = PackedDataset(run)
    for document in make_documents()[-3:]:
        found = locate_document(run, document["id"])
        assert read(data, found) == [*document["text"].encode(), END]
        assert [segment.start for segment in found] == sorted(segment.start for segment in found)
        assert all((run / segment.file).exists() for segment in found)
    assert len(found) > 10  # the last one is far longer than a row


def test_copies_one_after_the_other(tmp_path: Path) -> None:
    documents = make_documents(30)
    run_inline(make_config(tmp_path, documents, length=32, remix={"unimax": True, "max_epochs": 3}))
    found = locate_document(tmp_path / "run", documents[-1]["id"])
    copies = sorted({segment.copy for segment in found})
    assert copies[0] == 0 and [segment.copy for segment in found] == sorted(segment.copy for segment in found)
    data = PackedDataset(tmp_path / "run")
    for copy in copies:
        assert read(data, [s for s in found if s.copy == copy]) == [*documents[-1]["text"].encode(), END]


def test_documents_that_are_not_there(run: Path, tmp_path: Path) -> None:
    assert locate_document(run, "doc-99999") == locate_document(run, "") == []
    with pytest.raises(ShardError, match="no packed shards"):
        locate_document(tmp_path, "doc-1")
