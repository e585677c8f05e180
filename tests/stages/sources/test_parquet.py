"""Parquet: column types, nested columns, bad rows and damage."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.stages.sources import parquet
from tests.stages.sources.read_shard import LocalReading, read_all


def read_table(path: Path, table: pa.Table | None, **settings: Any) -> tuple[list[dict[str, Any]], LocalReading]:
    if table is not None:
        pq.write_table(table, path, row_group_size=100)
    reading = LocalReading(batch_rows=30, batch_bytes=2000)
    source = parquet.ParquetSource(parquet.Config(name="s", format="parquet", path="", **settings))
    return read_all(source, [path], reading)


@pytest.mark.parametrize(
    "type",
    [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int32(), pa.string())],
    ids=str,
)
def test_text_columns_of_every_type(tmp_path: Path, type: pa.DataType) -> None:
    texts = [f"text {i} ü " + "x" * (i % 90) for i in range(250)]
    array = pa.array(texts).dictionary_encode() if pa.types.is_dictionary(type) else pa.array(texts).cast(type)
    rows, reading = read_table(tmp_path / "x.parquet", pa.table({"text": array, "other": range(250)}))
    assert [row["text"] for row in rows] == texts
    assert rows[9]["id"] == "s/x.parquet/9"
    assert rows[9]["place"] == "x.parquet row 9"
    assert not reading.quarantine


def test_fields_travel_along(tmp_path: Path) -> None:
    time = pa.array([1_700_000_000], pa.timestamp("s"))
    table = pa.table({"text": ["t"], "id": [5], "metadata": [{"url": "http://a/"}], "date": time, "language": [""]})
    (row,), _ = read_table(tmp_path / "x", table)
    assert (row["id"], row["url"], row["date"], row["language"]) == ("5", "http://a/", "2023-11-14T22:13:20Z", None)


def test_names_of_columns_can_be_set(tmp_path: Path) -> None:
    table = pa.table({"body": [{"raw": "words"}], "name": [None], "a.b": ["dotted"], "flag": [True]})
    fields = {"text": "body.raw", "id": "name", "url": "a.b", "domain": "flag"}
    (row,), _ = read_table(tmp_path / "x", table, fields=fields)
    assert (row["text"], row["id"], row["url"], row["domain"]) == ("words", "s/x/0", "dotted", None)


def test_bad_rows_are_quarantined(tmp_path: Path) -> None:
    texts = ["a", None, "b\0c", "x" * 600, ""]
    rows, reading = read_table(tmp_path / "x", pa.table({"text": texts, "url": list("vwxyz")}), max_document_bytes=500)
    assert [(row["text"], row["url"]) for row in rows] == [("a", "v"), ("b\ufffdc", "x"), ("", "z")]
    assert [(bad["place"], bad["url"]) for bad in reading.quarantine] == [("row 1", "w"), ("row 3", "y")]


def test_a_row_that_is_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pq.ParquetWriter(tmp_path / "x", pa.schema([("text", pa.string())]), use_dictionary=False) as writer:
        for text in "a", "x" * (3 << 20), "b":
            writer.write_table(pa.table({"text": [text]}))
    read: list[int] = []
    original = pq.ParquetFile.read_row_group

    def note_and_read(self: pq.ParquetFile, group: int, *args: Any, **options: Any) -> pa.Table:
        read.append(group)
        return original(self, group, *args, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", note_and_read)
    rows, reading = read_table(tmp_path / "x", None, max_document_bytes=1 << 20)
    assert [row["text"] for row in rows] == ["a", "b"]
    (bad,) = reading.quarantine
    assert (bad["place"], read) == ("row 1", [0, 2])
    assert "max_document_bytes = 1048576" in bad["error"]


def test_text_is_made_valid(tmp_path: Path) -> None:
    rows, _ = read_table(tmp_path / "x", pa.table({"text": pa.array([b"a\xffb", b"good"], pa.binary())}))
    assert [row["text"] for row in rows] == ["a\ufffdb", "good"]


@pytest.mark.parametrize(
    ("table", "error"),
    [
        (pa.table({"other": ["a"]}), "no column 'text'"),
        (pa.table({"text": [1]}), "which is no text"),
    ],
)
def test_files_without_text_are_quarantined(tmp_path: Path, table: pa.Table, error: str) -> None:
    rows, reading = read_table(tmp_path / "x", table)
    assert not rows
    (bad,) = reading.quarantine
    assert error in bad["error"]


def test_damage_costs_a_row_group(tmp_path: Path) -> None:
    path = tmp_path / "x"
    texts = [f"{i} " * 50 for i in range(300)]
    rows, _ = read_table(path, pa.table({"text": texts}))
    assert len(rows) == 300
    data = bytearray(path.read_bytes())
    offset = pq.ParquetFile(path).metadata.row_group(1).column(0).dictionary_page_offset
    data[offset : offset + 40] = b"\xff" * 40
    path.write_bytes(data)
    rows, reading = read_table(path, None)
    assert [row["text"] for row in rows] == texts[:100] + texts[200:]
    (bad,) = reading.quarantine
    assert bad["place"] == "row 100"
    assert "100 rows" in bad["error"]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"no Parquet file at all, but longer than its tail"])
def test_other_files_are_quarantined(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    rows, reading = read_table(tmp_path / "x", None)
    assert not rows
    assert "not a Parquet file" in reading.quarantine[0]["error"]
