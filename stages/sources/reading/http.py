"""HTTP responses as web archives keep them: status, headers, and the body with its codings undone."""

import io
import re
import zlib
from dataclasses import dataclass

from dspipe.stages.sources.reading.batches import too_long

Body = bytes | bytearray

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})")
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")


@dataclass(frozen=True)
class Response:
    """A response. Header names are lower case, of repeated ones the first counts; `body` is as it was sent."""

    status: int
    headers: dict[str, str]
    body: Body


def parse_response(block: bytearray) -> Response:
    """The response in the block of a record, which becomes its body. Raises ValueError where there is none."""
    status = _STATUS.match(block)
    if status is None:
        raise ValueError("the block doesn't begin with an HTTP status line")
    code, end = int(status[1]), _HEADER_END.search(block)
    head = bytes(block[: end.start()]) if end else bytes(block)
    del block[: end.end() if end else len(block)]
    headers: dict[str, str] = {}
    for line in head.decode("latin-1").split("\n")[1:]:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    return Response(code, headers, block)


def decoded_body(response: Response, max_bytes: int) -> Body:
    """The body without its transfer and content codings (RFC 9112 section 7, RFC 9110 section 8.4).

    Crawlers often undo a coding and leave the header, so a body that plainly isn't coded is taken as it is. One that
    was cut short gives what can be decoded (with brotli nothing can). Raises ValueError for a damaged one, or for more
    than `max_bytes` bytes.
    """
    body = response.body
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        body = _dechunked(body)
    for coding in reversed(response.headers.get("content-encoding", "").lower().split(",")):
        body = _decoded(body, coding.strip(), max_bytes)
    if len(body) > max_bytes:
        raise ValueError(f"the decoded body has {len(body)} bytes or more, {too_long(max_bytes)}")
    return body


def _dechunked(body: Body) -> Body:
    parts: list[Body] = []
    position = 0
    while position < len(body):
        size = _CHUNK_SIZE.match(body, position)
        if size is None:
            if not parts:
                return body
            raise ValueError(f"chunked coding: no chunk size at byte {position} of the body")
        length = int(size[1], 16)
        if length == 0:
            break
        parts.append(body[size.end() : size.end() + length])
        position = size.end() + length
        if body.startswith(b"\r\n", position):
            position += 2
        elif body.startswith(b"\n", position):
            position += 1
    return b"".join(parts)


def _decoded(body: Body, coding: str, max_bytes: int) -> Body:
    try:
        if coding in ("gzip", "x-gzip"):
            return _inflated(body, 31, max_bytes) if body.startswith(b"\x1f\x8b") else body
        if coding == "deflate":
            # servers send it with and without the zlib header; 0x78 and a check sum modulo 31 say which (RFC 1950)
            wrapped = len(body) > 1 and body[0] == 0x78 and (body[0] << 8 | body[1]) % 31 == 0
            return body if body.lstrip()[:1] == b"<" else _inflated(body, 15 if wrapped else -15, max_bytes)
        if coding == "br":
            from fastwarc.stream_io import BrotliReader

            return body if body.lstrip()[:1] == b"<" else BrotliReader(io.BytesIO(body)).read(max_bytes + 1)
        if coding == "zstd":
            import zstandard

            if not body.startswith(b"\x28\xb5\x2f\xfd"):
                return body
            return zstandard.ZstdDecompressor().stream_reader(body).read(max_bytes + 1)
    except (zlib.error, OSError) as error:
        raise ValueError(f"content coding {coding}: {error}") from None
    except Exception as error:
        if type(error).__name__ != "ZstdError":
            raise
        raise ValueError(f"content coding zstd: {error}") from None
    return body


def _inflated(body: Body, window: int, max_bytes: int) -> bytes:
    return zlib.decompressobj(window).decompress(body, max_bytes + 1)
