"""Token ids are read along with their counts; files that are of other counts are found."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.artifact_file import ArtifactFile
from dspipe.stages.pack.token_ids import TokenIds

COUNTS = [[3, 0], [], [2]]


def task(folder: Path, data: bytes) -> Any:
    """A task over a shard of three row groups, whose token ids are these bytes."""
    (folder / "ids.bin").write_bytes(data)

    def rows(columns: list[str]) -> Iterator[pa.RecordBatch]:
        assert columns == ["tokens"]
        return (pa.record_batch({"tokens": pa.array(counts, pa.int64())}) for counts in COUNTS)

    file = ArtifactFile(Store(str(folder)), 0, "ids.bin", len(data), hashlib.sha256(data).hexdigest())
    return SimpleNamespace(name="pack.send 00000", rows=rows, own_artifact=lambda name: file)


@pytest.mark.parametrize("width", [2, 4])
def test_ids_of_each_row(tmp_path: Path, width: int) -> None:
    ids = np.array([1, 2, 60_000, 4, 5], f"<u{width}")
    with TokenIds(task(tmp_path, ids.tobytes())) as token_ids:
        assert token_ids.width == width
        found = [token_ids.take(np.array(counts, np.int64)).to_pylist() for counts in COUNTS]
    assert found == [[ids[:3].tobytes(), b""], [], [ids[3:].tobytes()]]


def test_other_bytes_than_counted(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"pack\.send 00000: 11 bytes of token ids, but rows count 5 tokens"):
        TokenIds(task(tmp_path, bytes(11)))
    with TokenIds(task(tmp_path, bytes(10))) as token_ids, pytest.raises(RuntimeError, match="cut short"):
        token_ids.take(np.array([9], np.int64))
