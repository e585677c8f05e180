"""Text files of every kind."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from typer.testing import CliRunner

from dspipe.tokenizer.text_files import Document, TextFileError, batch_documents, read_documents

RUN = CliRunner()


def test_text_files_of_every_kind(tmp_path: Path) -> None:
    records = [{"text": "one", "lang": "en"}, {"text": "zwei", "language": "de", "domain": "web"}]
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    expected = [Document("one", "en"), Document("zwei", "de", "web")]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines))
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "b.parquet")
    (tmp_path / "c.txt").write_bytes(b"a\r\n\xff")
    assert list(read_documents([tmp_path / "a.jsonl.gz"])) == expected
    assert [document.text for document in read_documents([tmp_path / "b.parquet"])] == ["one", "zwei"]
    assert list(read_documents([tmp_path / "c.txt"])) == [Document("a\r\n\ufffd")]
    (tmp_path / "d.jsonl.gz").write_bytes(gzip.compress(lines)[:-9])
    with pytest.raises(TextFileError, match="cannot read"):
        list(read_documents([tmp_path / "d.jsonl.gz"]))


@pytest.mark.parametrize("name", ["x.jsonl.zst", "x.txt.gz", "x.jsonl.gz"])
def test_damaged_files_are_one_message(tmp_path: Path, name: str) -> None:
    compress = gzip.compress if name.endswith(".gz") else zstandard.compress
    whole = compress(b'{"text": "one"}\n' * 5000)
    for content in (whole[: len(whole) // 2], whole[:20] + bytes(30) + whole[50:], b"nothing of the kind"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TextFileError, match=f"cannot read .*{name}: "):
            list(read_documents([tmp_path / name]))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"x\.jsonl, line 2: "),
        ("[]", "line 2: has no field `text`"),
        ('{"text": 3}', "line 2: has no field `text`"),
    ],
)
def test_lines_that_are_no_documents(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "x.jsonl").write_text(f'{{"text": "a"}}\n{line}\n')
    with pytest.raises(TextFileError, match=message):
        list(read_documents([tmp_path / "x.jsonl"]))


def test_batches_end_at_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dspipe.tokenizer.text_files.BATCH_BYTES", 5)
    found = [
        [document.text for document in batch]
        for batch in batch_documents(map(Document, ["abc", "de", "f", "ghijkl", ""]))
    ]
    assert found == [["abc", "de", "f"], ["ghijkl"], [""]]
    assert list(batch_documents([])) == []
