"""Damage to bytes, drawn at random: what disks, networks, crawlers and people do to files."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Sequence
from random import Random

import zstandard

_NUMBERS = [bytes([n] * size) for n in (0, 1, 0x7F, 0x80, 0xFF) for size in (1, 2, 4, 8)]
_TOKENS = [
    b"\r\n\r\n", b"\n", b"\r", b"\0", b"WARC/1.0\r\n", b"Content-Length: 99999999999999\r\n", b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffff\r\n", b"Content-Encoding: gzip\r\n", b"HTTP/1.1 200 OK\r\n",
    b'{"text": ', b'"', b"\\", b"\\ud800", b"[" * 50, b"{" * 50, b"1e999", b"NaN", b"null", b",", b"'", b"&a", b"*a",
    b"<<: ", b": ", b"- ", b"!!python/object:os.system ", b"\xef\xbb\xbf", b"\xff\xfe", b"PAR1", b"\x1f\x8b\x08\0",
    b"\x28\xb5\x2f\xfd", b"<" * 50, b"\xf0\x9f\x98",
]  # fmt: skip
MAX_BYTES = 1 << 20


def mutate(data: bytes, others: Sequence[bytes], draw: Random) -> bytes:
    """`data` damaged in one to five places; `others` are what pieces may be taken from."""
    changed = bytearray(data)
    for _ in range(1 + min(4, int(draw.expovariate(1)))):
        draw.choice(_WAYS)(changed, others, draw)
    return bytes(changed[:MAX_BYTES])


def _flip(data: bytearray, others: Sequence[bytes], draw: Random) -> None:
    if data:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _overwrite(data: bytearray, others: Sequence[bytes], draw: Random) -> None:
    junk = draw.randbytes(draw.randint(1, 20)) if draw.random() < 0.5 else draw.choice(_NUMBERS)
    at = _near_the_end(data, draw)
    data[at : at + len(junk)] = junk


def _cut(data: bytearray, others: Sequence[bytes], draw: Random) -> None:
    del data[draw.randrange(len(data) + 1) :]


def _drop(data: bytearray, others: Sequence[bytes], draw: Random) -> None:
    at = draw.randrange(len(data) + 1)
    del data[at : at + _length(data, draw)]


def _repeat(data: bytearray, others: Sequence[bytes], draw: Random) -> None:
    at = draw.randrange(len(data) + 1)
    data[at:at] = data[at : at + _length(data, draw)] * draw.choice((1, 1, 2, 30))


def _move(data: bytearray, others: Sequence[bytes], draw: Random) -> None:
    at = draw.randrange(len(data) + 1)
    piece = data[at : at + _length(data, draw)]
    del data[at : at + len(piece)]
    to = draw.randrange(len(data) + 1)
    data[to:to] = piece


def _splice(data: bytearray, others: Sequence[bytes], draw: Random) -> None:
    other = draw.choice(others)
    start = draw.randrange(len(other) + 1)
    at = draw.randrange(len(data) + 1)
    data[at : at + draw.choice((0, _length(data, draw)))] = other[start : start + _length(other, draw)]


def _insert(data: bytearray, others: Sequence[bytes], draw: Random) -> None:
    at = draw.randrange(len(data) + 1)
    data[at:at] = draw.choice(_TOKENS)


def _number(data: bytearray, others: Sequence[bytes], draw: Random) -> None:
    """Another number where one stands in digits."""
    digits = [at for at, byte in enumerate(data[:20_000]) if 48 <= byte < 58]
    if digits:
        at = draw.choice(digits)
        data[at : at + 1] = draw.choice((b"", b"-", b"9" * 20, b"0", str(draw.randrange(1 << 16)).encode()))


_WAYS: list[Callable[[bytearray, Sequence[bytes], Random], None]] = [
    _flip, _flip, _overwrite, _overwrite, _cut, _drop, _repeat, _move, _splice, _insert, _insert, _number,
]  # fmt: skip


def _near_the_end(data: bytearray, draw: Random) -> int:
    """A place, often near the end, where Parquet and ZIP keep what they know of the rest."""
    behind = draw.randrange(min(len(data), 2048) + 1) if draw.random() < 0.3 else draw.randrange(len(data) + 1)
    return len(data) - behind


def _length(data: bytes | bytearray, draw: Random) -> int:
    return draw.choice((1, 2, 4, 16, 100, 1000, len(data) // 2))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": lambda data: gzip.compress(data, 1),
    ".zst": lambda data: zstandard.ZstdCompressor(1).compress(data),
    ".bz2": lambda data: bz2.compress(data, 1),
    ".xz": lambda data: lzma.compress(data, preset=0),
}


def unpacked(data: bytes) -> bytes | None:
    """What gzip members hold, as far as they can be read; None where it isn't gzip."""
    if not data.startswith(b"\x1f\x8b"):
        return None
    found = b""
    while data and len(found) < MAX_BYTES:
        member = zlib.decompressobj(31)
        try:
            found += member.decompress(data, MAX_BYTES)
        except zlib.error:
            break
        data = member.unused_data
    return found
