"""What a file is, by its first bytes."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.sources.reading.guess import HEAD_BYTES, advice, first_objects, guess_format, names_there, read_head
from tests.stages.sources.test_warc import pages, record


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": ["x"]}), buffer)
    return buffer.getvalue()


LONG_LINE = json.dumps({"text": "word " * HEAD_BYTES}).encode()[:HEAD_BYTES]


@pytest.mark.parametrize(
    ("content", "name", "format"),
    [
        (b"".join(pages(2)), "a", "warc"),
        (record("warcinfo", b"a:"), "a.warc.gz", "warc"),
        (record("warcinfo", b"a:"), "a.warc.wet.gz", "wet"),
        (record("warcinfo", b"a:") + record("conversion", b"text"), "a", "wet"),
        (record("metadata", b"{}"), "a.warc.wat.gz", "wat"),
        (b"filedesc://a.arc 0.0.0.0 20000101 text/plain 3\nabc\n", "a.arc", "warc"),
        (b'{"text": "a"}\n', "a", "jsonl"),
        (b'\xef\xbb\xbf{"text": "a"}\n', "a", "jsonl"),
        (b'not JSON\n{"text": "a"}\n', "a", "jsonl"),
        (LONG_LINE, "a", "jsonl"),
        (b'[{"text": "a"},\n{"text": "b"}]', "a.json", "json"),
        (b'{\n "rows": [1]\n}', "a.json", "json"),
        (parquet(), "a", "parquet"),
        (b"A text.\n", "a.txt", "files"),
        ("Ein längerer Text".encode("utf-16"), "a.txt", "files"),
        (b"\0\1\2", "a", "binary"),
        (b"[" * HEAD_BYTES, "a", "nothing"),
        (b" \n", "a", "nothing"),
        (b"", "a", "nothing"),
    ],
)
def test_formats(content: bytes, name: str, format: str) -> None:
    assert guess_format(content, name) == format


def test_a_head_is_decompressed_as_far_as_it_is_good() -> None:
    content = gzip.compress(b"text\n" * 100_000)
    assert read_head(io.BytesIO(content)) == (b"text\n" * 100_000)[:HEAD_BYTES]
    assert read_head(io.BytesIO(content[:100])).startswith(b"text\n")
    assert read_head(io.BytesIO(b"")) == b""


@given(st.binary(max_size=300))
def test_any_bytes_are_something(content: bytes) -> None:
    guess = guess_format(read_head(io.BytesIO(content)), "a")
    assert advice(guess) is not None or guess in ("binary", "nothing")


def test_the_last_line_of_a_head_may_be_cut() -> None:
    head = b'{"a": 1}\n' + b'{"b": "' + b"x" * HEAD_BYTES
    assert first_objects(head[:HEAD_BYTES]) == [{"a": 1}]
    assert names_there(["a", "b", "a"]) == "a, b"
    assert names_there(map(str, range(20)), 3) == "0, 1, 2 and 17 more"
