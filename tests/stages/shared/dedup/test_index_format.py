"""A file of the kept index: what was written comes back, and a changed file is named whatever was changed."""

import io
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from dspipe.pipeline.errors import DamagedFileError
from dspipe.stages.shared.dedup import index_format
from dspipe.stages.shared.dedup.index_format import IndexFile, IndexWriter, RowGroup

TABLE = pa.table(
    {
        "key": np.arange(2**63, 2**63 + 23 * 10**12, 10**12, dtype=np.uint64),
        "document": np.arange(23, dtype=np.uint64),
        "id": [f"document {number}" for number in range(23)],
    }
)


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(index_format, "ROW_GROUP_ROWS", 5)
    file = io.BytesIO()
    with IndexWriter(file, TABLE.schema, {"bands": 14}) as writer:
        writer.write(TABLE.slice(0, 8))
        writer.write(TABLE.slice(8, 0))
        writer.write(TABLE.slice(8))
    return file.getvalue()


def read(content: bytes) -> tuple[dict[str, object], list[RowGroup], list[pa.Table]]:
    file = IndexFile(io.BytesIO(content), "run/x.index")
    return file.settings, file.groups, [file.read(number) for number in range(len(file.groups))]


def test_what_was_written_comes_back(content: bytes) -> None:
    settings, groups, tables = read(content)
    assert settings == {"bands": 14}
    assert [group.rows for group in groups] == [5, 3, 5, 5, 5]
    assert [(group.first, group.last) for group in groups] == [
        (table["key"][0].as_py(), table["key"][-1].as_py()) for table in tables
    ]
    assert pa.concat_tables(tables).equals(TABLE)


def test_a_changed_file_is_named_or_gives_the_same(content: bytes) -> None:
    draw, found, whole = Random(1), 0, read(content)
    for at in draw.sample(range(len(content)), 300):
        changed = bytearray(content)
        changed[at] ^= 1 << draw.randrange(8)
        try:
            assert read(bytes(changed)) == whole
        except DamagedFileError as error:
            assert error.file == "run/x.index"
            found += 1
    assert found > 200
    for size in draw.sample(range(len(content)), 30):
        with pytest.raises(DamagedFileError):
            read(content[:size])
