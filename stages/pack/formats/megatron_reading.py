"""Megatron's `.idx` of anybody's making: lengths that differ, documents of several sequences, every type of ids.

The layout stands in `stages.pack.formats.megatron`.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dspipe.stages.pack.formats.megatron import MAGIC

_DTYPES = {1: "<u1", 2: "<i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2"}
"""of whole numbers; 6 and 7 are floating point"""
_HEAD = len(MAGIC) + 25


class MegatronIndexError(ValueError):
    """An `.idx` that isn't one, or isn't whole."""


@dataclass(frozen=True)
class MegatronIndex:
    """What an `.idx` says."""

    dtype: np.dtype[Any]
    lengths: npt.NDArray[np.int32]
    """tokens of each sequence"""
    pointers: npt.NDArray[np.int64]
    """where each begins in the `.bin`, in bytes"""
    documents: npt.NDArray[np.int64]
    """the sequence that each document begins with, and the number of sequences"""

    @property
    def in_order(self) -> bool:
        """Whether the sequences stand one behind the other from the beginning of the `.bin`."""
        ends = np.cumsum(self.lengths, dtype=np.int64) * self.dtype.itemsize
        return bool((self.pointers[:1] == 0).all() and (self.pointers[1:] == ends[:-1]).all())

    @property
    def stored_bytes(self) -> int:
        """How long the `.bin` must be."""
        ends = self.pointers + self.lengths.astype(np.int64) * self.dtype.itemsize
        return int(ends.max(initial=0))


def read_index(path: Path) -> MegatronIndex:
    """Read an `.idx`; its arrays are mapped into memory. Raises MegatronIndexError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.startswith(MAGIC) or len(head) < _HEAD:
        raise MegatronIndexError(f"{path} is no index of Megatron's: it doesn't begin with {MAGIC[:7].decode()}")
    version, code, sequences, entries = struct.unpack_from("<QBQQ", head, len(MAGIC))
    if version != 1:
        raise MegatronIndexError(f"{path} is an index of Megatron's of version {version}; known is 1")
    if code not in _DTYPES:
        raise MegatronIndexError(f"{path}: its ids are of type {code}, which is no type of whole numbers")
    expected = _HEAD + 12 * sequences + 8 * entries
    if size < expected:
        raise MegatronIndexError(f"{path} is cut: it has {size:,} bytes, {sequences:,} sequences need {expected:,}")
    if sequences == 0:
        empty = np.zeros(0, np.int64)
        return MegatronIndex(np.dtype(_DTYPES[code]), empty.astype(np.int32), empty, empty)
    data = np.memmap(path, np.uint8, "r").view(np.ndarray)
    lengths, pointers, documents = np.split(data[_HEAD:expected], np.cumsum([4 * sequences, 8 * sequences]))
    # copied: numbers that don't begin at a multiple of their size are slow to count with
    return MegatronIndex(
        np.dtype(_DTYPES[code]),
        np.frombuffer(lengths.tobytes(), "<i4"),
        np.frombuffer(pointers.tobytes(), "<i8"),
        np.frombuffer(documents.tobytes(), "<i8"),
    )
