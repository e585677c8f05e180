"""Which records of a file are read: their places as a short text, and the pieces in which they are fetched."""

import base64
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

_PIECE_BYTES = 8 << 20


class Piece(NamedTuple):
    """Neighbouring records that are fetched together. `starts` and `ends` are places in the file."""

    start: int
    end: int
    starts: list[int]
    ends: list[int]


def pack_places(starts: Int64, lengths: Int64) -> str:
    """Records by their offsets, which rise, and stored bytes: 8 or 9 characters a record of a crawl."""
    gaps = np.diff(starts, prepend=0)
    # the low bytes of all, then the next ones: high bytes are nearly all zero
    planes = np.stack([gaps, lengths]).astype("<i8").view(np.uint8).reshape(2, len(starts), 8).transpose(0, 2, 1)
    return base64.b85encode(zlib.compress(planes.tobytes(), 6)).decode()


def unpack_places(text: str) -> tuple[Int64, Int64]:
    """The offsets and the stored bytes that `pack_places` was given."""
    planes = np.frombuffer(zlib.decompress(base64.b85decode(text)), np.uint8).reshape(2, 8, -1).transpose(0, 2, 1)
    gaps, lengths = np.ascontiguousarray(planes).view("<i8").reshape(2, -1).astype(np.int64)
    return np.cumsum(gaps), lengths


def pieces(starts: Int64, lengths: Int64, read_through: int) -> Iterator[Piece]:
    """Records in the order of their places, together where at most `read_through` bytes lie between them and the piece
    has no more than 8 MiB."""
    piece: Piece | None = None
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        end = start + length
        if piece is not None and start - piece.end <= read_through and end - piece.start <= _PIECE_BYTES:
            piece.starts.append(start)
            piece.ends.append(end)
            piece = piece._replace(end=max(piece.end, end))
            continue
        if piece is not None:
            yield piece
        piece = Piece(start, end, [start], [end])
    if piece is not None:
        yield piece
