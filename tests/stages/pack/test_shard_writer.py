from pathlib import Path

import numpy as np
import pytest

from dspipe.stages.pack.document_table import SUFFIX, load_table
from tests.stages.pack.made_shard import IDS, write_made_shard


@pytest.mark.parametrize(
    ("format", "suffixes"), [("megatron", {".bin", ".idx"}), ("mds", {".mds"}), ("parquet", {".parquet"})]
)
def test_the_files_of_each_format(tmp_path: Path, format: str, suffixes: set[str]) -> None:
    write_made_shard(tmp_path, format, np.uint16)
    assert {file.name.removeprefix("shard") for file in tmp_path.iterdir()} == {*suffixes, SUFFIX}
    documents = load_table(tmp_path / f"shard{SUFFIX}").documents
    assert [documents.id(i) for i in range(len(documents))] == IDS


def test_rows_come_in_blocks(tmp_path: Path) -> None:
    rows = write_made_shard(tmp_path, "megatron", np.uint16)
    assert np.fromfile(tmp_path / "shard.bin", np.uint16).reshape(6, 4).tolist() == rows.tolist()
