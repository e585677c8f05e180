"""Compressed streams as the world writes them, each against the bytes that were packed."""

import bz2
import gzip
import io
import lzma
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from fastwarc.stream_io import Lz4Writer
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.storage.compression.damage import DamagedError
from dspipe.pipeline.storage.compression.detect import decompressed, kind_of

DATA = b"".join(b"%d %d\n" % (i, random.Random(i).randrange(10**9)) for i in range(40_000))
SKIPPED = struct.pack("<II", 0x184D2A50, 5) + b"abcde"


def content(stored: bytes, memory: int = 1 << 30) -> bytes:
    return b"".join(piece for _, piece in decompressed(io.BytesIO(stored), memory=memory)[1])


def windowed(data: bytes, log: int) -> bytes:
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=log)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return compressor.compress(data) + compressor.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "plain": bytes,
}


@pytest.mark.parametrize("kind", PACKERS)
def test_every_kind_in_one_and_in_many_frames(kind: str) -> None:
    pack = PACKERS[kind]
    assert kind_of(pack(DATA)) == kind
    assert content(pack(DATA)) == DATA
    third = len(DATA) // 3
    parts = [pack(DATA[:third]), pack(DATA[third : 2 * third]), pack(DATA[2 * third :])]
    assert content(b"".join(parts)) == DATA
    if kind != "plain":
        frames = list(dict.fromkeys(frame for frame, _ in decompressed(io.BytesIO(b"".join(parts)))[1]))
        assert frames == [0, len(parts[0]), len(parts[0]) + len(parts[1])]


@pytest.mark.parametrize("kind", ["gzip", "zstd", "bzip2", "xz"])
def test_where_damage_begins_is_told(kind: str) -> None:
    packed = PACKERS[kind](DATA)
    good = PACKERS[kind](b"good")
    for stored, cut in ((good + packed[: len(packed) // 2], True), (good + b"\x01\x02\x03\x04" * 9, False)):
        pieces = []
        with pytest.raises(DamagedError) as raised:
            for _, piece in decompressed(io.BytesIO(stored))[1]:
                pieces.append(piece)
        assert raised.value.frame == len(good)
        assert raised.value.cut == cut
        assert len(good) <= raised.value.at <= len(stored)
        assert (b"good" + DATA).startswith(b"".join(pieces))


@pytest.mark.parametrize("kind", ["xz", "bzip2", "gzip"])
def test_zeros_behind_a_stream_are_padding(kind: str) -> None:
    pack = PACKERS[kind]
    assert content(pack(b"a" * 9) + bytes(512) + pack(b"b") + bytes(8)) == b"a" * 9 + b"b"


def test_frames_to_skip_before_between_and_behind() -> None:
    half = len(DATA) // 2
    one, two = zstandard.compress(DATA[:half]), zstandard.compress(DATA[half:])
    large = struct.pack("<II", 0x184D2A5F, 300_000) + bytes(300_000)
    for stored in (SKIPPED + one + SKIPPED + two, large + SKIPPED + one + large + two + SKIPPED):
        assert decompressed(io.BytesIO(stored))[0] == "zstd"
        assert content(stored) == DATA
    assert content(SKIPPED) == b""
    with pytest.raises(DamagedError, match="frame to skip"):
        content(large[:-1])


def test_frames_to_skip_in_lz4(tmp_path: Path) -> None:
    path = tmp_path / "x.lz4"
    with path.open("wb") as stream:
        writer = Lz4Writer(stream)
        writer.write(DATA)
        writer.close()
    packed = path.read_bytes()
    for stored in (packed, SKIPPED + packed, packed + SKIPPED + packed):
        assert decompressed(io.BytesIO(stored))[0] == "lz4"
        assert content(stored) == DATA * stored.count(packed)
    with pytest.raises(DamagedError, match="frame to skip"):
        content(packed + SKIPPED[:-1])


def test_the_dictionary_of_a_file() -> None:
    samples = [b"%d some words that come again %d\n" % (i, i * i) * 5 for i in range(2000)]
    dictionary = zstandard.train_dictionary(4096, [*samples])
    records = samples[:50]
    packed = [zstandard.ZstdCompressor(dict_data=dictionary).compress(record) for record in records]
    for form in (dictionary.as_bytes(), zstandard.compress(dictionary.as_bytes())):
        frame = struct.pack("<II", 0x184D2A5D, len(form)) + form
        assert content(frame + b"".join(packed)) == b"".join(records)
        rest = decompressed(io.BytesIO(b"".join(packed[7:])), 7, dictionary=form)[1]
        assert b"".join(piece for _, piece in rest) == b"".join(records[7:])
    with pytest.raises(DamagedError, match="zstd"):
        content(b"".join(packed))


@pytest.mark.parametrize("log", [27, 28, 31])
def test_windows_of_any_size_while_they_are_not_filled(log: int) -> None:
    assert content(windowed(DATA, log), memory=2 * len(DATA)) == DATA


def test_a_window_larger_than_memory_is_refused_where_it_fills() -> None:
    packed = windowed(DATA, 28)
    assert content(packed, memory=4 * len(DATA)) == DATA
    pieces = []
    with pytest.raises(DamagedError, match=r"window of 268435456 bytes.*engine\.memory"):
        for _, piece in decompressed(io.BytesIO(packed), memory=len(DATA))[1]:
            pieces.append(piece)
    assert len(DATA) // 2 < len(b"".join(pieces)) < len(DATA)


def test_text_that_begins_like_bzip2_is_text() -> None:
    assert kind_of(b"BZhang wrote this") == "plain"
    assert content(bz2.compress(b"")) == b""


@given(st.binary(max_size=200), st.sampled_from(["gzip", "zstd", "bzip2", "xz"]), st.integers(0, 10**6))
def test_no_damage_raises_anything_else(junk: bytes, kind: str, place: int) -> None:
    stored = bytearray(PACKERS[kind](DATA[:3000]) * 2)
    place %= len(stored)
    stored[place : place + len(junk)] = junk
    try:
        content(bytes(stored))
    except DamagedError as error:
        assert 0 <= error.frame <= error.at <= len(stored)
