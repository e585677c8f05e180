"""HTTP responses: heads, codings in every order and number, and bodies that aren't what they are said to be."""

import bz2
import gzip
import io
import struct
import zlib
from collections.abc import Callable

import pytest
import zstandard
from fastwarc.stream_io import BrotliWriter

from dspipe.stages.sources.reading.http import decoded_body, parse_response
from dspipe.stages.sources.reading.media_type import is_text

HTML = (
    b"<html><head><title>t</title></head><body>" + b"<p>Words of a page, and more of them.</p>" * 40 + b"</body></html>"
)
LIMIT = 1 << 20


class _Kept(io.BytesIO):
    def close(self) -> None:
        """The writer closes what it writes to."""


def brotli(data: bytes) -> bytes:
    stream = _Kept()
    writer = BrotliWriter(stream)
    writer.write(data)
    writer.close()
    return stream.getvalue()


def decode(body: bytes, *fields: bytes, limit: int = LIMIT) -> bytes:
    head = b"\r\n".join([b"HTTP/1.1 200 OK", *fields])
    return bytes(decoded_body(parse_response(bytearray(head + b"\r\n\r\n" + body)), limit))


def chunked(data: bytes) -> bytes:
    half = len(data) // 2
    return b"%x\r\n%b\r\n%X;note=1\r\n%b\r\n0\r\n\r\n" % (half, data[:half], len(data) - half, data[half:])


GZ, ZST, BR, DEFLATED = gzip.compress(HTML), zstandard.compress(HTML), brotli(HTML), zlib.compress(HTML)[2:-4]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (chunked(GZ), [b"Transfer-Encoding: gzip, chunked"]),
        (chunked(GZ), [b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"]),
        (chunked(GZ), [b"Transfer-Encoding: chunked", b"Content-Encoding: gzip"]),
        (GZ, [b"Content-Encoding: gzip, gzip"]),
        (GZ, [b"Content-Encoding: gzip", b"Content-Encoding: gzip"]),
        (gzip.compress(GZ), [b"Content-Encoding: gzip, gzip"]),
        (gzip.compress(ZST), [b"Content-Encoding: zstd", b"content-encoding: x-gzip"]),
        (BR, [b"Content-Encoding: br, br"]),
        (DEFLATED, [b"Content-Encoding: deflate, deflate"]),
        (GZ, [b'Content-Encoding: "gzip"']),
        (GZ, [b"Content-Encoding:", b"Content-Encoding: identity,\r\n gzip"]),
        (gzip.compress(HTML[:99]) + gzip.compress(HTML[99:]), [b"Content-Encoding: gzip"]),
        (zstandard.compress(HTML[:99]) + zstandard.compress(HTML[99:]), [b"Content-Encoding: zstd"]),
        (struct.pack("<II", 0x184D2A51, 2) + b"ab" + ZST, [b"Content-Encoding: zstd"]),
        (GZ + b"rest of a buffer", [b"Content-Encoding: gzip"]),
        (HTML, [b"Transfer-Encoding: gzip, chunked", b"Content-Encoding: br"]),
    ],
)
def test_codings_are_undone_in_every_order_and_number(body: bytes, fields: list[bytes]) -> None:
    assert decode(body, *fields) == HTML


@pytest.mark.parametrize("text", [b"Words without a tag, " * 30, "Plain words, größer. ".encode() * 30])
@pytest.mark.parametrize("coding", [b"br", b"deflate", b"gzip", b"zstd", b"compress"])
def test_text_that_a_crawler_has_decoded_already_is_taken_as_it_is(text: bytes, coding: bytes) -> None:
    assert decode(text, b"Content-Encoding: " + coding) == text


def test_what_was_cut_short_gives_what_there_is() -> None:
    assert HTML.startswith(decode(GZ[:-20], b"Content-Encoding: gzip"))
    assert decode(chunked(HTML)[:600], b"Transfer-Encoding: chunked") == HTML[: 600 - 5]


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"zstd", b"deflate", b"gzip, gzip"])
def test_bombs_are_refused(coding: bytes) -> None:
    data = bytes(3 * LIMIT)
    packs: dict[bytes, Callable[[bytes], bytes]] = {
        b"gzip": gzip.compress,
        b"br": brotli,
        b"zstd": zstandard.compress,
        b"deflate": zlib.compress,
    }
    packed = gzip.compress(gzip.compress(data)) if b"," in coding else packs[coding](data)
    with pytest.raises(ValueError, match="max_document_bytes"):
        decode(packed, b"Content-Encoding: " + coding)


def test_a_header_of_many_codings_costs_no_time() -> None:
    assert decode(GZ, b"Content-Encoding: " + b"gzip," * 200_000) == HTML


def test_interim_responses_are_passed_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nA: b\r\n\r\n"
    response = parse_response(bytearray(interim + b"HTTP/1.1 200 OK\r\nA: c\r\n\r\nbody"))
    assert (response.status, response.headers, bytes(response.body)) == (200, {"a": "c"}, b"body")
    assert parse_response(bytearray(b"HTTP/1.1 100 Continue\r\n\r\n")).status == 100
    assert parse_response(bytearray(b"HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")).status == 101


def test_repeated_and_folded_fields() -> None:
    head = b"HTTP/1.0 200 OK\r\nA: 1\r\na: 2,\r\n\t3\r\nB:\r\nnonsense\r\n\r\n"
    assert parse_response(bytearray(head)).headers == {"a": "1, 2, 3", "b": "", "nonsense": ""}


def test_other_compressions_stay_and_are_no_text() -> None:
    for packed in (bz2.compress(HTML), GZ, ZST, BR, DEFLATED, zlib.compress(HTML)):
        assert not is_text(packed, "text/html")
