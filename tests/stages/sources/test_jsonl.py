"""JSON lines: compressions, fields, and every kind of bad line."""

import bz2
import gzip
import json
import lzma
import random
import time
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dspipe.stages.sources import jsonl
from dspipe.stages.sources.jsonl import lines
from dspipe.testing import LocalReading
from tests.shared import shared
from tests.stages.sources.read_shard import input_file, read_all


def read_lines(path: Path, data: bytes, **settings: Any) -> tuple[list[dict[str, Any]], LocalReading]:
    path.write_bytes(data)
    return read_all(jsonl.JsonlSource(jsonl.Config(name="s", format="jsonl", path="", **settings)), [path])


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress, bz2.compress, lzma.compress])
def test_documents_in_every_compression(tmp_path: Path, pack: Any) -> None:
    data = "".join(json.dumps({"text": f"text {i} ü"}) + "\n" for i in range(2500))
    rows, reading = read_lines(tmp_path / "x.jsonl", pack(data.encode()))
    assert [row["text"] for row in rows] == [f"text {i} ü" for i in range(2500)]
    assert rows[7]["id"] == "s/x.jsonl/8"
    assert rows[7]["place"] == "x.jsonl line 8"
    assert not reading.quarantine


def test_batches_are_bounded_by_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("".join(json.dumps({"text": "数据管道" * 10}) + "\n" for _ in range(100)))
    reading = LocalReading(batch_rows=70, batch_bytes=1200)
    source = jsonl.JsonlSource(jsonl.Config(name="s", format="jsonl", path=""))
    assert [batch.num_rows for batch in source.read([input_file(path)], reading)] == [10] * 10
    rows, _ = read_all(source, [path], LocalReading(batch_rows=7))
    assert len(rows) == 100


def test_fields_travel_along(tmp_path: Path) -> None:
    row = {"text": "t", "id": 12, "metadata": {"url": "http://a/"}, "date": "2024", "domain": "books", "lang": "de"}
    (document,), _ = read_lines(tmp_path / "x", json.dumps(row).encode())
    assert document == {
        "id": "12",
        "url": "http://a/",
        "date": "2024",
        "domain": "books",
        "language": "de",
        "place": "x line 1",
        "text": "t",
        "content": None,
        "content_type": None,
    }


def test_names_of_fields_can_be_set(tmp_path: Path) -> None:
    row = {"body": {"raw": "words"}, "key": "", "k2": "second", "a.b": "dotted", "domain": "ignored"}
    fields = {"text": "body.raw", "id": ["key", "k2"], "url": "a.b", "domain": []}
    (document,), _ = read_lines(tmp_path / "x", json.dumps(row).encode(), fields=fields)
    assert (document["text"], document["url"], document["domain"]) == ("words", "dotted", None)
    assert document["id"] == "second"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"text": "a"', "not JSON"),
        (b'{"text": "a\xff"}', "not UTF-8"),
        (b'["text"]', "not a JSON object"),
        (b"7", "not a JSON object"),
        (b'{"other": "a"}', "no field 'text'"),
        (b'{"text": null}', "is null"),
        (b'{"text": 5}', "of type int"),
        (b'{"text": ["a"]}', "of type list"),
        (b'{"text": "a", "text": "b"}', "'text' is there twice"),
        (b'{"text": "a", "id": 1, "id": 2}', "'id' is there twice"),
        (b'{"text": "a", "metadata": {"url": "u", "url": "v"}}', "'url' is there twice"),
        (b'{"text": ' + b"9" * 10_000 + b"}", "of type int"),
        (b'{"text": "a", "m": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"text": "' + b"a" * 300_000 + b'"}', "more than max_document_bytes"),
    ],
)
def test_bad_lines_are_quarantined_with_their_number(tmp_path: Path, line: bytes, error: str) -> None:
    data = b'\xef\xbb\xbf{"text": "one"}\r\n\n' + line + b'\n  \n{"text": ""}'
    rows, reading = read_lines(tmp_path / "x", data, max_document_bytes=250_000)
    assert [row["text"] for row in rows] == ["one", ""]
    (bad,) = reading.quarantine
    assert bad["place"] == "line 3"
    assert error in bad["error"]


def test_fields_that_nobody_reads_refuse_no_document(tmp_path: Path) -> None:
    lines = [
        b'{"text": "a", "m": {"k": 1, "k": 2}}',
        b'{"text": "b", "n": 1, "n": 2}',
        b'{"text": "c", "n": ' + b"9" * 10_000 + b', "id": 7}',
        b'{"text": "d", "n": NaN}',
        b'{"text": "e", "n": 1, "n": ' + b"9" * 5000 + b', "id": ' + b"8" * 5000 + b"}",
    ]
    rows, reading = read_lines(tmp_path / "x", b"\n".join(lines))
    assert [row["text"] for row in rows] == list("abcde")
    assert [row["id"] for row in rows[2:]] == ["7", "s/x/4", "8" * 5000]
    assert not reading.quarantine


def test_text_is_made_valid(tmp_path: Path) -> None:
    rows, _ = read_lines(tmp_path / "x", rb'{"text": "a\u0000b \ud800 \ud83d\ude00 \udc00", "id": "i\ud800"}')
    assert rows[0]["text"] == "a\ufffdb \ufffd \U0001f600 \ufffd"
    assert rows[0]["id"] == "i\ufffd"


def test_damage_keeps_the_lines_before_it(tmp_path: Path) -> None:
    data = "".join(json.dumps({"text": random.Random(i).randbytes(40).hex()}) + "\n" for i in range(2000)).encode()
    packed = gzip.compress(data)
    whole, _ = read_lines(tmp_path / "x", packed)
    for damaged in (packed[: len(packed) // 2], packed[:90_000] + b"\0" * 50 + packed[90_050:]):
        rows, reading = read_lines(tmp_path / "x", damaged)
        assert 500 < len(rows) < 2000
        assert rows[:-1] == whole[: len(rows) - 1]
        # damaged gzip can go on for a while with wrong bytes, which are no good lines
        *_, bad = reading.quarantine
        assert bad["place"].startswith("line ")
        assert "gzip" in bad["error"]
    packed = zstandard.compress(data)
    rows, reading = read_lines(tmp_path / "x", packed[: len(packed) * 3 // 4])
    assert rows == whole[: len(rows)]
    assert "zstd" in reading.quarantine[0]["error"]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_the_lost_rest_of_a_file_is_weighed_by_its_bytes(tmp_path: Path, pack: Any) -> None:
    data = "".join(json.dumps({"text": random.Random(i).randbytes(400).hex()}) + "\n" for i in range(3000)).encode()
    packed = bytearray(pack(data))
    packed[len(packed) // 2 :] = random.Random(1).randbytes(len(packed) - len(packed) // 2)
    rows, reading = read_lines(tmp_path / "x", bytes(packed))
    lost = reading.quarantine[-1]
    assert lost["estimated"]
    assert len(rows) + sum(bad["records"] for bad in reading.quarantine) == pytest.approx(3000, rel=0.4)


def test_a_file_that_gives_nothing_is_weighed_by_its_size(tmp_path: Path) -> None:
    packed = b"\x28\xb5\x2f\xfd" + random.Random(1).randbytes(300_000)
    rows, reading = read_lines(tmp_path / "x", packed)
    assert not rows
    assert [(bad["records"], bad["estimated"]) for bad in reading.quarantine] == [(200, True)]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.binary(max_size=40), st.text(max_size=40).map(lambda t: json.dumps({"text": t}).encode())))
)
def test_no_line_stops_reading(tmp_path: Path, lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    rows, reading = read_lines(tmp_path / "x", data)
    filled = sum(bool(line.strip()) for line in data.split(b"\n"))
    # random bytes may begin like a compressed file
    if data[:2] not in (b"\x1f\x8b", b"\x28\xb5", b"\x04\x22"):
        assert len(rows) + len(reading.quarantine) == filled


def test_real_text() -> None:
    path = shared("text/langid-sentences.jsonl.zst")
    rows, reading = read_all(jsonl.JsonlSource(jsonl.Config(name="s", format="jsonl", path="")), [path])
    assert len(rows) == 36781
    assert not reading.quarantine
    assert all(row["id"] and row["text"] and row["domain"] and row["language"] for row in rows)


@given(st.lists(st.sampled_from([b"\n", b" \n", b"\r\n", b"\t", b"\n\n\n", b"a", b"bc\n", b"\x0b\n"]), max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blank_lines_are_counted_and_no_documents(tmp_path: Path, pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    (tmp_path / "x.jsonl").write_bytes(data)
    found = [(number, bytes(line)) for number, line in lines(input_file(tmp_path / "x.jsonl"), LocalReading(), 99, 9)]
    numbered = enumerate(data.split(b"\n"), 1)
    assert found == [(number, line) for number, line in numbered if line and not line.isspace()]


def test_a_file_of_line_feeds_takes_no_time(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "x.jsonl.gz", "wb", 1) as file:
        for _ in range(64):
            file.write(b"\n" * (1 << 20))
        file.write(b'{"text": "x"}\n')
    begun = time.process_time()  # 0.1 s; line by line 10 s
    ((number, _),) = lines(input_file(tmp_path / "x.jsonl.gz"), LocalReading(), 99, 9)
    assert number == (64 << 20) + 1
    assert time.process_time() - begun < 3
