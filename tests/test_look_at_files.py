"""What a look at the beginning of files tells of them."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.look_at_files import NothingToReadError, look_at
from tests.stages.sources.test_warc import pages, record

TEXT = "The children went down to the river in the morning, and they came back when it was dark again."


def test_formats_fields_and_domains(tmp_path: Path) -> None:
    pq.write_table(pa.table({"key": [1, 2], "prose": [TEXT, TEXT], "uri": ["a", "b"]}), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text(json.dumps({"text": TEXT, "domain": "books"}) + "\n")
    (tmp_path / "c.warc").write_bytes(b"".join(pages(2)))
    (tmp_path / "d.wet").write_bytes(record("conversion", TEXT.encode()))
    (tmp_path / "e.md").write_text(TEXT)
    found = {one.format: one for one in look_at(sorted(tmp_path.iterdir()))}
    assert found.keys() == {"parquet", "jsonl", "warc", "wet", "files"}
    assert found["parquet"].fields == {"text": "prose", "url": "uri"}
    assert found["jsonl"].fields == {} and found["jsonl"].said_domains == {"books": 1}
    assert all(set(one.languages) <= {"en"} for one in found.values())
    assert found["files"].languages == {"en": 1}


def test_a_folder_is_a_source_a_format(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for n in range(3):
        (tmp_path / "deep" / f"{n}.py").write_text("import sys\n")
    (tmp_path / ".hidden").write_text(TEXT)
    (one,) = look_at([tmp_path])
    assert (one.format, one.code, one.folder) == ("files", True, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", b'[{"text": "a"},\n {"text": "b"}]', "one JSON document"),
        ("a.bin", b"\x00\x01\x02", "neither text"),
        ("a.txt", b"", "is empty"),
        ("a.jsonl", b'{"n": 1}\n', "no field with text; there are n"),
    ],
)
def test_what_nothing_can_be_made_of(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NothingToReadError, match=said):
        look_at([tmp_path / name])
    with pytest.raises(NothingToReadError, match="no such file"):
        look_at([tmp_path / "nothing"])
