"""MosaicML Streaming's MDS shards, with one column `tokens` of fixed shape (mosaicml-streaming 0.13).

    uint32 samples | uint32 byte offsets of the samples, and their end | JSON of the columns | samples

Since every sample has the same size, the rows of a shard are one array behind its header.
"""

import json
import struct
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from dspipe.stages.pack.manifest import Manifest


class ShardTooLargeError(ValueError):
    """More rows than an MDS shard can hold; the message says what to do."""


def describe_columns(row_length: int, dtype: npt.DTypeLike) -> dict[str, Any]:
    """What MDS calls a shard's configuration."""
    item = np.dtype(dtype)
    return {
        "column_encodings": [f"ndarray:{item.name}:{row_length}"],
        "column_names": ["tokens"],
        "column_sizes": [row_length * item.itemsize],
        "compression": None,
        "format": "mds",
        "hashes": ["sha256"],
        "size_limit": None,
        "version": 2,
    }


def make_header(rows: int, row_length: int, dtype: npt.DTypeLike) -> bytes:
    """What stands before the rows. Raises ShardTooLargeError when they don't fit the format's 32-bit offsets."""
    text = json.dumps(describe_columns(row_length, dtype), sort_keys=True).encode()
    first = 4 + 4 * (rows + 1) + len(text)
    size = row_length * np.dtype(dtype).itemsize
    if first + rows * size >= 1 << 32:
        raise ShardTooLargeError(
            f"{rows:,} rows of {size:,} bytes don't fit an MDS shard of 4 GiB; set smaller shard_bytes, "
            "or without shuffle give the documents in smaller files"
        )
    offsets = first + size * np.arange(rows + 1, dtype=np.int64)
    return struct.pack("<I", rows) + offsets.astype("<u4").tobytes() + text


def write_header(file: BinaryIO, rows: int, row_length: int, dtype: npt.DTypeLike) -> None:
    """Write what stands before the rows."""
    file.write(make_header(rows, row_length, dtype))


def describe_shard(
    name: str, size: int, sha256: str, rows: int, row_length: int, dtype: npt.DTypeLike
) -> dict[str, Any]:
    """The shard's entry in the `index.json` that StreamingDataset reads; `name` is relative to that file."""
    raw = {"basename": name, "bytes": size, "hashes": {"sha256": sha256}}
    return {**describe_columns(row_length, dtype), "raw_data": raw, "samples": rows, "zip_data": None}


def index_entries(manifest: Manifest) -> dict[str, Any]:
    """What a manifest needs besides to be the `index.json` of MDS shards."""
    entries = []
    for part in manifest.parts:
        file = part.files[".mds"]
        entries.append(
            describe_shard(file.name, file.bytes, file.sha256, part.rows, manifest.row_length, manifest.dtype)
        )
    return {"version": 2, "shards": entries}
