"""Zstandard frames (RFC 8878): with windows of any size that memory allows, and with a dictionary.

Web archives may keep a dictionary in a skippable frame at the beginning of a file, for all frames of it
(https://iipc.github.io/warc-specifications/specifications/warc-zstd/).
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from dspipe.pipeline.storage.compression.damage import DamagedError
from dspipe.pipeline.storage.compression.streams import CHUNK

MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
"""the magic number of frames to skip, the same for LZ4"""
_DICTIONARY_FRAME = b"\x5d\x2a\x4d\x18"
_DICTIONARY = b"\x37\xa4\x30\xec"
_LARGEST_DICTIONARY = 64 << 20
_LARGEST_WINDOW = 1 << 31
_HEADER = 18
# one block of 4 bytes may stand for 128 KiB, so what is fed at once bounds the memory to 32 times 4 MiB
_FED = 4 << 10


def skip_frames(stream: BinaryIO, head: bytes, start: int) -> tuple[bytes, int, bytes | None]:
    """Behind the skippable frames at the beginning: (the next stored bytes, their offset, the dictionary if one of the
    frames holds one). Raises DamagedError where they are cut short."""
    dictionary = None
    while SKIPPABLE.match(head):
        while len(head) < 8 and (more := stream.read(CHUNK)):
            head += more
        size, kept = int.from_bytes(head[4:8], "little"), bytearray()
        keep = head.startswith(_DICTIONARY_FRAME) and size <= _LARGEST_DICTIONARY
        missing, head, cut = size, head[8:], len(head) < 8
        while missing and not cut:
            part, head = head[:missing], head[missing:]
            missing -= len(part)
            kept += part if keep else b""
            if missing:
                head = stream.read(CHUNK)
                cut = not head
        if cut:
            raise DamagedError("zstd: the file ends in the middle of a frame to skip", start, start, cut=True)
        start += 8 + size
        if keep and kept.startswith((_DICTIONARY, MAGIC)):
            dictionary = bytes(kept)
        while len(head) < 4 and (more := stream.read(CHUNK)):
            head += more
    return head, start, dictionary


def zstd_pieces(
    stream: BinaryIO, head: bytes, start: int, memory: int, dictionary: bytes | None
) -> Iterator[tuple[int, bytes]]:
    """(frame, bytes) of Zstandard frames; skippable ones are skipped.

    A frame whose window is larger than `memory` bytes is read as long as it doesn't fill as much of it.
    """
    import zstandard

    try:
        known = None if dictionary is None else zstandard.ZstdCompressionDict(_unpacked(dictionary))
        factory = zstandard.ZstdDecompressor(dict_data=known, max_window_size=_LARGEST_WINDOW)
        decoder = factory.decompressobj()
    except zstandard.ZstdError as error:
        raise DamagedError(f"zstd: the dictionary: {error}", start, start) from None
    fresh, frame, position, at = True, start, start, 0
    window = written = 0
    while True:
        if fresh:
            while len(head) - at < _HEADER and (more := stream.read(CHUNK)):
                head, at = head[at:] + more, 0
            window, written = _window(head[at : at + _HEADER]), 0
        if at == len(head):
            head, at = stream.read(CHUNK), 0
        chunk = head[at : at + _FED]
        if not chunk:
            break
        try:
            piece = decoder.decompress(chunk)
        except zstandard.ZstdError as error:
            raise DamagedError(f"zstd: {error}", frame, position) from None
        if piece:
            yield frame, piece
        fresh = decoder.eof
        used = len(chunk) - (len(decoder.unused_data) if fresh else 0)
        at, position = at + used, position + used
        if fresh:
            decoder, frame = factory.decompressobj(), position
        elif window > memory and (written := written + len(piece)) > memory:
            needs = f"zstd: a window of {window} bytes; {memory} is half of engine.memory, with more it would be read"
            raise DamagedError(needs, frame, position)
    if not fresh:
        raise DamagedError("zstd: the file ends in the middle of a frame", frame, position, cut=True)


def _unpacked(dictionary: bytes) -> bytes:
    import zstandard

    if not dictionary.startswith(MAGIC):
        return dictionary
    return zstandard.ZstdDecompressor().stream_reader(dictionary).read(_LARGEST_DICTIONARY)


def _window(header: bytes) -> int:
    """The window of a frame by its header; 0 where it can't be told, as the decoder will say then."""
    import zstandard

    try:
        return zstandard.get_frame_parameters(header).window_size
    except zstandard.ZstdError:
        return 0
