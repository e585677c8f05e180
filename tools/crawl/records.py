"""WARC records as Common Crawl writes them: one gzip member each; a request, a response and metadata for a page.

A member's deflate stream is put together of parts: a page's frame was packed once for all pages of its host (level 6),
the headers and the main text are packed here (level 1). Packing whole pages at level 1 took 2.4 times as long.
"""

import base64
import hashlib
import struct
import zlib
from dataclasses import dataclass

from tools.crawl.draws import draw
from tools.crawl.plan import BAD_CHARSET, EMPTY, TRUNCATED, WRONG_LENGTH

_GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
_AGENT = "CCBot/2.0 (https://commoncrawl.org/faq/)"


@dataclass(frozen=True)
class Part:
    """Bytes, and the same as whole blocks of a deflate stream without a reference to what stands before them."""

    raw: bytes
    packed: bytes


@dataclass(frozen=True)
class Frame:
    """What stands before and behind the main text of a host's pages; `url` is the real page's."""

    url: str
    language: str
    charset: str
    head: Part
    tail: Part


def pack(raw: bytes, last: bool = False, level: int = 1) -> Part:
    """Bytes as a part of a deflate stream; `last` ends it."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return Part(raw, packer.compress(raw) + packer.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH))


def member(*parts: Part) -> bytes:
    """One gzip member of parts, of which the last one ends the stream."""
    crc = size = 0
    for part in parts:
        crc, size = zlib.crc32(part.raw, crc), size + len(part.raw)
    return b"".join((_GZIP, *(part.packed for part in parts), struct.pack("<II", crc, size & 0xFFFFFFFF)))


def record_id(seed: int, capture: int, kind: int = 0) -> str:
    """The UUID of a capture's response (kind 0), request (1) or metadata (2)."""
    high, low = draw(seed, 10, capture, kind), draw(seed, 11, capture, kind)
    digits = f"{high:016x}{low:016x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


@dataclass(frozen=True)
class Capture:
    """What the records of a page say beside its body. flaw: of `plan.BROKEN`."""

    number: int
    url: str
    host: str
    date: str
    charset: str
    flaw: int


def info_record(seed: int, name: str, dump: str, date: str) -> bytes:
    """The `warcinfo` record at the beginning of a file."""
    block = (
        f"isPartOf: {dump}\r\npublisher: made by tools.make_crawl\r\ndescription: Generated crawl\r\n"
        f"software: dspipe tools.make_crawl\r\nformat: WARC File Format 1.1\r\n"
    )
    id = record_id(seed, int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big"), 3)
    head = (
        f"WARC/1.0\r\nWARC-Type: warcinfo\r\nWARC-Date: {date}\r\nWARC-Record-ID: <urn:uuid:{id}>\r\n"
        f"Content-Length: {len(block)}\r\nContent-Type: application/warc-fields\r\nWARC-Filename: {name}\r\n\r\n"
    )
    return member(pack(f"{head}{block}\r\n\r\n".encode(), last=True))


def page_records(seed: int, capture: Capture, head: Part, main: bytes, tail: Part) -> list[bytes]:
    """The three members of a page whose body is the frame's two parts with the main text between them."""
    id, request_id = record_id(seed, capture.number), record_id(seed, capture.number, 1)
    request = (
        f"GET /{capture.url.split('/', 3)[3]} HTTP/1.1\r\nUser-Agent: {_AGENT}\r\nAccept: text/html,*/*;q=0.8\r\n"
        f"Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: br,gzip\r\nHost: {capture.host}\r\n"
        f"Connection: Keep-Alive\r\n\r\n"
    )
    before = _record("request", capture, request_id, "application/http; msgtype=request", len(request), "")
    metadata = f"fetchTimeMs: {draw(seed, 12, capture.number) % 2000}\r\ncharset-detected: {capture.charset}\r\n\r\n"
    after = _record(
        "metadata",
        capture,
        record_id(seed, capture.number, 2),
        "application/warc-fields",
        len(metadata),
        f"WARC-Concurrent-To: <urn:uuid:{id}>\r\n",
    )
    return [
        member(pack(f"{before}{request}\r\n\r\n".encode(), last=True)),
        _response(seed, capture, id, request_id, head, main, tail),
        member(pack(f"{after}{metadata}\r\n\r\n".encode(), last=True)),
    ]


def _response(seed: int, capture: Capture, id: str, request_id: str, head: Part, main: bytes, tail: Part) -> bytes:
    charset, middle = capture.charset, pack(main)
    body = [] if capture.flaw == EMPTY else [head, middle, tail]
    if capture.flaw == BAD_CHARSET:
        charset = "x-user-undefined"
        body[1] = pack(main.replace(b" ", b" \xff\xc0\x80 ", 20))
    size = sum(len(part.raw) for part in body)
    digest = hashlib.sha1()
    for part in body:
        digest.update(part.raw)
    http = (
        f"HTTP/1.1 200 OK\r\nDate: {capture.date}\r\nContent-Type: text/html; charset={charset}\r\n"
        f"X-Crawler-Content-Encoding: gzip\r\nServer: nginx\r\nContent-Length: {size}\r\n\r\n"
    )
    length = len(http) + size
    if capture.flaw == WRONG_LENGTH:
        length += 500 if capture.number % 2 else -200
    more = (
        f"WARC-Concurrent-To: <urn:uuid:{request_id}>\r\n"
        f"WARC-Payload-Digest: sha1:{base64.b32encode(digest.digest()).decode()}\r\n"
        f"WARC-Identified-Payload-Type: text/html\r\n"
    )
    start = _record("response", capture, id, "application/http; msgtype=response", length, more)
    whole = member(pack(f"{start}{http}".encode()), *body, pack(b"\r\n\r\n", last=True))
    return whole[: len(whole) // 2] if capture.flaw == TRUNCATED else whole


def _record(type: str, capture: Capture, id: str, content_type: str, length: int, more: str) -> str:
    return (
        f"WARC/1.0\r\nWARC-Type: {type}\r\nWARC-Date: {capture.date}\r\nWARC-Record-ID: <urn:uuid:{id}>\r\n"
        f"Content-Length: {length}\r\nContent-Type: {content_type}\r\nWARC-Target-URI: {capture.url}\r\n{more}\r\n"
    )
