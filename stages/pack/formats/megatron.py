"""Megatron's IndexedDataset: `.bin` holds the ids one behind the other, `.idx` where the sequences are.

Layout as in megatron-core 0.16 (megatron/core/datasets/indexed_dataset.py), little endian:

    "MMIDIDX" 0 0 | uint64 version 1 | uint8 dtype code | uint64 sequences | uint64 entries of document indices
    int32 sequence lengths | int64 byte pointers | int64 document indices: 0, then where each document ends

Here a sequence is a row, and for Megatron each row is a document. Its type codes know uint16 (8) and int32 (4) but no
uint32: wide ids are written as int32, which has the same bytes since no id reaches 2**31.
"""

import io
import struct
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

MAGIC = b"MMIDIDX\x00\x00"
CODES = {"uint16": 8, "uint32": 4}


def write_index(file: BinaryIO, rows: int, row_length: int, dtype: npt.DTypeLike) -> None:
    """Write the `.idx` of `rows` rows of `row_length` ids of uint16 or uint32."""
    item = np.dtype(dtype)
    file.write(MAGIC + struct.pack("<QBQQ", 1, CODES[item.name], rows, rows + 1))
    file.write(np.full(rows, row_length, "<i4").tobytes())
    file.write((np.arange(rows, dtype="<i8") * (row_length * item.itemsize)).tobytes())
    file.write(np.arange(rows + 1, dtype="<i8").tobytes())


def check_index(data: bytes, rows: int, row_length: int, dtype: npt.DTypeLike) -> str | None:
    """What is wrong with the bytes of an `.idx` for such rows, or None."""
    expected = io.BytesIO()
    write_index(expected, rows, row_length, dtype)
    if len(data) != expected.tell():
        return f"the index has {len(data):,} bytes, {rows:,} rows need {expected.tell():,}"
    return None if data == expected.getvalue() else "the index names other rows, lengths or types than the manifest"
