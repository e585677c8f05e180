import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from dspipe.stages.pack.formats import parquet
from dspipe.stages.pack.formats.parquet import ParquetRows, write_rows
from tests.stages.pack.made_shard import make_document_table, write_made_shard


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_rows_and_their_documents(tmp_path: Path, dtype: type[np.unsignedinteger[Any]]) -> None:
    rows = write_made_shard(tmp_path, "parquet", dtype)
    found = pq.read_table(tmp_path / "shard.parquet").to_pylist()
    assert [row["tokens"] for row in found] == rows.tolist()
    first = {"id": "a", "domain": "code", "source": "made", "copy": 0, "column": 0, "length": 4, "start": 0}
    assert found[0]["documents"] == [first]
    assert [(segment["id"], segment["start"], segment["length"]) for segment in found[4]["documents"]] == [
        ("ccc", 8, 1),
        ("für", 0, 1),
        ("字", 0, 2),
    ]


def test_rows_by_number_over_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_TOKENS", 12)  # three rows
    rows = write_made_shard(tmp_path, "parquet", np.uint16)
    reader = ParquetRows(tmp_path / "shard.parquet")
    assert len(reader) == 6
    assert [reader[i].tolist() for i in (5, 0, 3, 2)] == [rows[i].tolist() for i in (5, 0, 3, 2)]


def test_a_shard_without_rows_is_none() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        write_rows(io.BytesIO(), iter([]), make_document_table(), 4)
