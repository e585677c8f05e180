"""HTTP responses as web archives keep them: status, headers, and the body with its codings undone."""

import io
import re
import zlib
from dataclasses import dataclass

from dspipe.pipeline.storage.compression.damage import DamagedError
from dspipe.pipeline.storage.compression.detect import decompressed
from dspipe.stages.sources.reading.batches import too_long
from dspipe.stages.sources.reading.media_type import is_text

Body = bytes | bytearray

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})")
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")
_MOST_CODINGS = 8
_KINDS = {"gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd"}


@dataclass(frozen=True)
class Response:
    """A response. Header names are lower case, values of repeated ones are joined by commas; `body` is as it was
    sent."""

    status: int
    headers: dict[str, str]
    body: Body


def parse_response(block: bytearray) -> Response:
    """The response in the block of a record, which becomes its body. Interim responses (1xx) before it are left out.

    Raises ValueError where there is none.
    """
    while True:
        status = _STATUS.match(block)
        if status is None:
            raise ValueError("the block doesn't begin with an HTTP status line")
        code, end = int(status[1]), _HEADER_END.search(block)
        head = bytes(block[: end.start()]) if end else bytes(block)
        del block[: end.end() if end else len(block)]
        # 101 is final: the connection is no longer HTTP (RFC 9110 section 15.2)
        if code // 100 != 1 or code == 101 or not _STATUS.match(block):
            return Response(code, _headers(head), block)


def _headers(head: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    name = ""
    for line in head.decode("latin-1").split("\n")[1:]:
        if line[:1] in (" ", "\t") and name:  # a folded line (RFC 9112 section 5.2)
            headers[name] += " " + line.strip()
            continue
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def decoded_body(response: Response, max_bytes: int) -> Body:
    """The body without its transfer and content codings (RFC 9112 section 7, RFC 9110 section 8.4).

    Crawlers often undo a coding and leave the header, or write it twice, so a body that plainly isn't coded is taken as
    it is. One that was cut short gives what can be decoded (with brotli nothing can). Raises ValueError for a damaged
    one, or for more than `max_bytes` bytes.
    """
    body = response.body
    transfer, content = (_codings(response.headers.get(name, "")) for name in ("transfer-encoding", "content-encoding"))
    for coding in reversed([*content, *transfer]):
        body = _dechunked(body) if coding == "chunked" else _decoded(body, coding, max_bytes)
    if len(body) > max_bytes:
        raise ValueError(f"the decoded body has {len(body)} bytes or more, {too_long(max_bytes)}")
    return body


def _codings(values: str) -> list[str]:
    """The codings in the order in which they were applied; more than a few are never undone one after the other."""
    codings = [value.strip(" \t\"'") for value in values.lower().split(",")]
    return [coding for coding in codings if coding not in ("", "identity", "none")][-_MOST_CODINGS:]


def _dechunked(body: Body) -> Body:
    result, position = bytearray(), 0  # not a list of parts: there may be millions of a byte each
    while position < len(body):
        size = _CHUNK_SIZE.match(body, position)
        if size is None:
            if not position:
                return body
            raise ValueError(f"chunked coding: no chunk size at byte {position} of the body")
        length = int(size[1], 16)
        if length == 0:
            break
        result += body[size.end() : size.end() + length]
        position = size.end() + length
        if body.startswith(b"\r\n", position):
            position += 2
        elif body.startswith(b"\n", position):
            position += 1
    return result


def _decoded(body: Body, coding: str, max_bytes: int) -> Body:
    """The body without one coding; as it is where it plainly doesn't have it."""
    if coding in _KINDS:
        return _unpacked(body, coding, max_bytes)
    if coding not in ("deflate", "br") or not body or body.lstrip()[:1] == b"<":
        return body
    try:
        return _inflated(body, max_bytes) if coding == "deflate" else _unbrotlied(body, max_bytes)
    except (zlib.error, OSError) as error:
        # text without a tag at its beginning; packed bytes would have control characters
        if is_text(body, "") and (body.isascii() or _is_utf8(body)):
            return body
        raise ValueError(f"content coding {coding}: {error}") from None


def _is_utf8(body: Body) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unpacked(body: Body, coding: str, max_bytes: int) -> Body:
    """All members or frames; what follows the first and isn't one is no part of the body."""
    kind, pieces = decompressed(io.BytesIO(body), memory=4 * max_bytes)
    if kind != _KINDS[coding]:
        return body
    parts, size = [], 0
    try:
        for _, piece in pieces:
            parts.append(piece)
            size += len(piece)
            if size > max_bytes:
                break
    except DamagedError as error:
        if not (error.cut or error.frame):
            raise ValueError(f"content coding {coding}: {error}") from None
    return b"".join(parts)


def _inflated(body: Body, max_bytes: int) -> bytes:
    # servers send it with and without the zlib header; 0x78 and a check sum modulo 31 say which (RFC 1950)
    wrapped = len(body) > 1 and body[0] == 0x78 and (body[0] << 8 | body[1]) % 31 == 0
    return zlib.decompressobj(15 if wrapped else -15).decompress(body, max_bytes + 1)


def _unbrotlied(body: Body, max_bytes: int) -> bytes:
    from fastwarc.stream_io import BrotliReader

    return bytes(BrotliReader(io.BytesIO(body)).read(max_bytes + 1))
