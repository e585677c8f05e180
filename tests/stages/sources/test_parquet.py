"""Parquet: column types, nested columns, bad rows and damage."""

import io
import uuid
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dspipe.pipeline.source import InputFile
from dspipe.pipeline.tasks.limits import memory_limit
from dspipe.stages.sources import parquet
from dspipe.stages.sources.reading import columns
from dspipe.testing import LocalReading
from tests.stages.sources.read_shard import input_file, read_all


def read_table(path: Path, table: pa.Table | None, **config: Any) -> tuple[list[dict[str, Any]], LocalReading]:
    if table is not None:
        pq.write_table(table, path, row_group_size=100)
    reading = LocalReading(batch_rows=30, batch_bytes=2000)
    source = parquet.ParquetSource(parquet.Config(name="s", format="parquet", path="", **config))
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


def test_binary_ids_and_uuids_are_told_apart(tmp_path: Path) -> None:
    uuids = [uuid.UUID(int=i << 100 | 7) for i in range(3)]
    raw = [value.bytes for value in uuids]
    extension = pa.ExtensionArray.from_storage(pa.uuid(), pa.array(raw, pa.binary(16)))
    for ids, wanted in (
        (extension, [str(value) for value in uuids]),
        (pa.array(raw, pa.binary(16)), [value.hex() for value in raw]),
        (pa.array([b"\xff\xfe", b"\xff\xfd", b"name"], pa.binary()), ["fffe", "fffd", "name"]),
        (pa.array([b"a", b"", None], pa.large_binary()), ["a", "s/x/1", "s/x/2"]),
    ):
        rows, reading = read_table(tmp_path / "x", pa.table({"text": list("abc"), "id": ids}))
        assert [row["id"] for row in rows] == wanted
        assert not reading.quarantine


def test_times_with_a_zone_are_told_in_utc(tmp_path: Path) -> None:
    zones = {"UTC": "2023-11-14T22:13:20Z", "Asia/Tokyo": "2023-11-14T22:13:20Z", "-05:00": "2023-11-14T22:13:20Z"}
    for zone, wanted in zones.items():
        time = pa.array([1_700_000_000_000], pa.timestamp("ms", zone))
        (row,), _ = read_table(tmp_path / "x", pa.table({"text": ["t"], "date": time}))
        assert row["date"] == wanted


def test_a_column_that_is_there_twice_matters_where_it_is_read(tmp_path: Path) -> None:
    texts = pa.array(["a", "b", "c"])
    table = pa.Table.from_arrays([texts, texts, texts], names=["text", "other", "other"])
    rows, reading = read_table(tmp_path / "x", table)
    assert [row["text"] for row in rows] == ["a", "b", "c"]
    for names, name in ((["text", "text", "other"], "text"), (["text", "url", "url"], "url")):
        rows, reading = read_table(tmp_path / "x", pa.Table.from_arrays([texts, texts, texts], names=names))
        assert not rows
        (bad,) = reading.quarantine
        assert f"the column {name!r} is there twice" in bad["error"]
        assert (bad["records"], bad["estimated"]) == (3, False)
    nested = pa.table({"metadata": [{"url": "n"}] * 3, "text": texts, "metadata.url": ["f"] * 3})
    rows, reading = read_table(tmp_path / "x", nested)
    assert [row["url"] for row in rows] == ["f"] * 3


def test_a_long_text_in_a_dictionary_is_decoded_a_few_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "long text " * 100_000
    texts = [long if i % 3 else f"short {i}" for i in range(300)]
    path = tmp_path / "x.parquet"
    largest = 0
    original = columns.text_column

    def measured(array: pa.Array) -> pa.Array:
        nonlocal largest
        result = original(array)
        largest = max(largest, result.nbytes)
        return result

    monkeypatch.setattr(parquet, "text_column", measured)
    for column, stored in ((pa.array(texts), False), (pa.array(texts).dictionary_encode(), True)):
        pq.write_table(pa.table({"text": column}), path, store_schema=stored, dictionary_pagesize_limit=1 << 30)
        assert path.stat().st_size < 1 << 20
        reading = LocalReading(batch_rows=4096, batch_bytes=1 << 20, memory=64 << 20)
        source = parquet.ParquetSource(parquet.Config(name="s", format="parquet", path=""))
        rows, reading = read_all(source, [path], reading)
        assert [row["text"] for row in rows] == texts
        # 200 MB decoded, in batches of a sixteenth of the memory or so
        assert largest < 8 << 20


def test_batches_are_the_same_whatever_is_decoded_at_once(tmp_path: Path) -> None:
    texts = [f"{i} " * (i % 50) for i in range(5000)]
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": texts}), path)
    source = parquet.ParquetSource(parquet.Config(name="s", format="parquet", path=""))
    sizes = []
    for memory in (1 << 34, 40 << 20, 1 << 22):
        reading = LocalReading(batch_rows=700, batch_bytes=1 << 20, memory=memory)
        sizes.append([batch.num_rows for batch in source.read([input_file(path)], reading)])
    assert sizes[0] == sizes[1] == [700] * 7 + [100]
    assert sum(sizes[2]) == 5000


def test_lost_rows_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x"
    texts = [f"{i} " * 50 for i in range(300)]
    read_table(path, pa.table({"text": texts}))
    whole = path.read_bytes()
    data = bytearray(whole)
    offset = pq.ParquetFile(path).metadata.row_group(1).column(0).dictionary_page_offset
    data[offset : offset + 40] = b"\xff" * 40
    path.write_bytes(data)
    rows, reading = read_table(path, None)
    (bad,) = reading.quarantine
    assert (len(rows), bad["records"], bad["estimated"]) == (200, 100, False)
    # a damaged footer: how many rows there were isn't known
    path.write_bytes(b"PAR1" + bytes(150_000) + b"PAR1")
    rows, reading = read_table(path, None)
    (bad,) = reading.quarantine
    assert (len(rows), bad["records"], bad["estimated"]) == (0, 100, True)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=20), st.booleans())
def test_whatever_the_parser_raises_is_the_files(tmp_path: Path, place: int, junk: bytes, footer: bool) -> None:
    path = tmp_path / "x"
    if not (tmp_path / "whole").exists():
        read_table(tmp_path / "whole", pa.table({"text": [f"{i} " * 30 for i in range(250)], "id": range(250)}))
    data = bytearray((tmp_path / "whole").read_bytes())
    length = int.from_bytes(data[-8:-4], "little") + 8
    place = len(data) - 1 - place % length if footer else place % len(data)
    data[place : place + len(junk)] = junk
    path.write_bytes(data)
    source = parquet.ParquetSource(parquet.Config(name="s", format="parquet", path=""))
    reading = LocalReading()
    rows = sum(batch.num_rows for batch in source.read([input_file(path)], reading))
    assert rows or reading.quarantine


def test_errors_of_the_storage_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "x"
    read_table(path, pa.table({"text": ["a" * 100_000] * 5}))

    class Failing(LocalReading):
        def __init__(self, reads: int, error: Exception) -> None:
            super().__init__()
            self.reads, self.error = reads, error

        def open(self, file: InputFile) -> BinaryIO:
            stream = super().open(file)
            read, failing = stream.read, self

            class Stream(io.RawIOBase):
                def seekable(self) -> bool:
                    return True

                def seek(self, offset: int, whence: int = 0) -> int:
                    return stream.seek(offset, whence)

                def tell(self) -> int:
                    return stream.tell()

                def read(self, size: int = -1) -> bytes:
                    failing.reads -= 1
                    if failing.reads < 0:
                        raise failing.error
                    return read(size)

            return cast("BinaryIO", Stream())

    source = parquet.ParquetSource(parquet.Config(name="s", format="parquet", path=""))
    for error in (OSError("connection lost"), RuntimeError("a client's own")):
        for reads in range(3):
            reading = Failing(reads, error)
            with pytest.raises(type(error), match=str(error)):
                list(source.read([input_file(path)], reading))
            assert not reading.quarantine


def test_a_text_beyond_a_workers_memory_is_the_files_and_a_machine_without_memory_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 1 << 32

    def out_of_memory(*args: Any, **named: Any) -> Any:
        raise pa.ArrowMemoryError(f"malloc of size {asked} failed")

    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "x.parquet")
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", out_of_memory)
    rows, reading = read_table(tmp_path / "x.parquet", None)
    assert not rows
    assert [(entry["place"], entry["records"]) for entry in reading.quarantine] == [("row 0", 2)]
    asked = 1 << 29
    with memory_limit(1 << 20):  # so that the system refuses it
        assert not read_table(tmp_path / "x.parquet", None)[0]
    asked = 1 << 20
    with pytest.raises(MemoryError):
        read_table(tmp_path / "x.parquet", None)
