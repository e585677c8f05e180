"""Media types as servers write them, and what a body says where they write none."""

import random

import pytest

from dspipe.stages.sources.reading.media_type import declared_type, is_text, sniffed_type


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ("text/html", "text/html"),
        ("Text/HTML; Charset=UTF-8", "text/html; charset=UTF-8"),
        ('text/html; charset="utf-8"', "text/html; charset=utf-8"),
        ("text/html;;charset=utf-8", "text/html; charset=utf-8"),
        ("text/html, text/html", "text/html"),
        ("text/html,text/html; charset=utf-8", "text/html; charset=utf-8"),
        ("text/html; charset=utf-8, text/html", "text/html; charset=utf-8"),
        ("text/html; charset=utf-8, text/plain", "text/plain"),
        ("text/plain, */*", "text/plain"),
        (", text/html", "text/html"),
        ('text/html; a="b, c/d"; charset=x', "text/html; charset=x"),
        (" application/XHTML+XML ;x", "application/xhtml+xml"),
        ("html", ""),
        ("text/html charset=utf-8", ""),
        ("*/*", ""),
        ("unknown/unknown", ""),
        ("", ""),
        ('"text/html"', ""),
    ],
)
def test_declared(values: str, wanted: str) -> None:
    assert declared_type(values) == wanted


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"\n <!DOCTYPE HTML><p>", "text/html"),
        (b"<!-- a --><x>", "text/html"),
        (b"\xef\xbb\xbf<html>", "text/html"),
        (b"<B >x", "text/html"),
        (b"<link><meta charset=x>", "text/html"),
        (b"<bold>", "text/plain"),
        (b"<?xml version='1.0'?><feed/>", "text/xml"),
        (b"words and words", "text/plain"),
        (b"\xff\xfea\0", "text/plain"),
        (b"GIF89a....", "application/octet-stream"),
        (b"%PDF-1.4", "application/octet-stream"),
        (b"words \x02", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_sniffed(body: bytes, wanted: str) -> None:
    assert sniffed_type(body) == wanted


def test_a_charset_is_kept_of_what_is_no_type() -> None:
    assert sniffed_type(b"<p>x", "text/html charset=latin1") == "text/html; charset=latin1"
    assert sniffed_type(b"\x89PNG", "x charset=latin1") == "application/octet-stream"


@pytest.mark.parametrize(
    "data",
    [
        b"BMW makes cars, " * 9,
        b"OTTO is a name",
        b"",
        b"<p>a\0b</p>" + b"words " * 99,
        "これは日本語の文章です。".encode("shift-jis") * 9,
        "これは日本語の文章です。".encode("iso-2022-jp") * 9,
        "<p>наука</p>".encode("koi8-r"),
        "<html>größer</html>".encode("utf-16"),
        "<html>größer</html>".encode("utf-16-le") * 9,
        "<html>größer</html>".encode("utf-32-be") * 9,
    ],
)
def test_text_is_text_in_every_encoding(data: bytes) -> None:
    assert is_text(data, "text/html")


def test_utf_16_without_an_alphabet_is_text_where_it_is_declared() -> None:
    assert is_text("数据管道从网页档案中提取正文".encode("utf-16-le") * 9, "text/html; charset=UTF-16")


@pytest.mark.parametrize("seed", range(20))
def test_packed_bytes_are_no_text(seed: int) -> None:
    assert not is_text(random.Random(seed).randbytes(400), "text/html")
