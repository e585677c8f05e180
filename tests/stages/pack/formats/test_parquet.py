"""Rows as Parquet."""

from pathlib import Path

import numpy as np

from dspipe.stages.pack.formats.parquet import ParquetRows
from tests.stages.pack.shards import write_rows


def test_parquet(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    rows = write_rows(tmp_path, "parquet", np.uint16)
    found = pq.read_table(tmp_path / "shard.parquet").to_pylist()
    assert [row["tokens"] for row in found] == rows.tolist()
    first = {"id": "a", "domain": "code", "source": "made", "copy": 0, "column": 0, "length": 4, "start": 0}
    assert found[0]["documents"] == [first]
    assert [(piece["id"], piece["start"], piece["length"]) for piece in found[4]["documents"]] == [
        ("ccc", 8, 1),
        ("für", 0, 1),
        ("字", 0, 2),
    ]
    reader = ParquetRows(tmp_path / "shard.parquet")
    assert [reader[i].tolist() for i in (5, 0, 3)] == [rows[i].tolist() for i in (5, 0, 3)]
