"""The example of a source format."""

import gzip
import json
from pathlib import Path
from typing import Any

from dspipe.testing import check_source
from examples.csv_source import CsvSource
from tests.engine import rows_of, run_inline

ROWS = (
    b"\xef\xbb\xbfbody,link,lang\n"
    b"plain,https://a.org/1,en\n"
    b'"two\nlines, and a ""quote""",https://a.org/2,\n'
    b"too,many,values,here\n"
    b"\n"
    b"gr\xc3\xbcn,,de\n"
    b'"open\n'
)


def config(tmp_path: Path, **settings: Any) -> dict[str, Any]:
    source = {"name": "posts", "format": "examples.csv_source", "path": str(tmp_path / "*.csv*")}
    fields = {"text": "body", "url": ["link"], "language": ["lang"]}
    sources = [{**source, "root": str(tmp_path), "fields": fields, **settings}]
    return {"output": str(tmp_path / "run"), "sources": sources, "stages": ["examples.capitals"]}


def quarantined(tmp_path: Path) -> list[tuple[str, str]]:
    files = sorted((tmp_path / "run" / "documents").glob("*.quarantine.jsonl"))
    entries = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    return [(f"{entry['file']} {entry['place']}", entry["error"]) for entry in entries]


def test_rows_and_bad_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(ROWS))
    rows = rows_of(run_inline(config(tmp_path)), ["id", "url", "language", "text", "place"])
    assert [tuple(row.values()) for row in rows] == [
        ("posts/a.csv.gz/2", "https://a.org/1", "en", "plain", "a.csv.gz line 2"),
        ("posts/a.csv.gz/3", "https://a.org/2", None, 'two\nlines, and a "quote"', "a.csv.gz line 3"),
        ("posts/a.csv.gz/7", None, "de", "grün", "a.csv.gz line 7"),
    ]
    assert quarantined(tmp_path) == [
        ("a.csv.gz line 5", "4 values, but the first row names 3 columns"),
        ("a.csv.gz line 8", "not CSV: unexpected end of data"),
    ]


def test_a_file_without_the_column_and_a_damaged_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text,link\nx,y\n")
    whole = gzip.compress(b"body\nwhole\n" + b"".join(b"%d\n" % n for n in range(9999)))
    (tmp_path / "b.csv.gz").write_bytes(whole[:-99])
    rows = rows_of(run_inline(config(tmp_path)), ["text"])
    assert rows[0] == {"text": "whole"}
    first, second = quarantined(tmp_path)
    assert first == ("a.csv line 1", "no column 'body'; there are text, link")
    assert second[1].endswith("the file is not read from this line on")


def test_long_texts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"body\n" + b"x" * 150 + b"\n" + "ü".encode() * 60 + b"\n" + b"y" * 100 + b"\n")
    rows = rows_of(run_inline(config(tmp_path, max_document_bytes=100)), ["text"])
    assert rows == [{"text": "y" * 100}]
    places, errors = zip(*quarantined(tmp_path), strict=True)
    assert places == ("a.csv line 2", "a.csv line 3")
    assert "field limit" in errors[0] and "max_document_bytes" in errors[1]


def test_keeps_the_contract(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text,url\none,\ntwo,https://a.org/2\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b'text\n"three\n3"\n'))
    check_source(CsvSource, {}, [tmp_path / "a.csv", tmp_path / "b.csv.gz"])
