"""Shards as other programs write them, from the descriptions of their formats."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

CODES = {"uint8": 1, "int32": 4, "int64": 5, "uint16": 8}


def write_megatron(prefix: Path, sequences: list[list[int]], dtype: str, documents: list[int] | None = None) -> Path:
    """A `.bin` and its `.idx`; `documents`: with which sequence each begins. Returns the `.bin`."""
    arrays = [np.array(sequence, dtype) for sequence in sequences]
    prefix.with_suffix(".bin").write_bytes(b"".join(array.tobytes() for array in arrays))
    lengths = np.array([len(array) for array in arrays], "<i4")
    size = np.dtype(dtype).itemsize
    pointers = (np.cumsum(lengths) - lengths).astype("<i8") * size
    starts = np.array([*(documents or range(len(arrays))), len(arrays)], "<i8")
    head = b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, CODES[dtype], len(arrays), len(starts))
    prefix.with_suffix(".idx").write_bytes(head + lengths.tobytes() + pointers.tobytes() + starts.tobytes())
    return prefix.with_suffix(".bin")


def write_mds(
    folder: Path, samples: list[dict[str, bytes]], encodings: dict[str, str], sizes: dict[str, int | None]
) -> Path:
    """A folder of one MDS shard, of encoded columns. Returns its `index.json`."""
    names = sorted(encodings)
    config: dict[str, Any] = {
        "column_encodings": [encodings[name] for name in names],
        "column_names": names,
        "column_sizes": [sizes[name] for name in names],
        "compression": None,
        "format": "mds",
        "hashes": [],
        "size_limit": 1 << 26,
        "version": 2,
    }
    told = [name for name in names if sizes[name] is None]
    data = [
        np.array([len(sample[name]) for name in told], "<u4").tobytes() + b"".join(sample[name] for name in names)
        for sample in samples
    ]
    text = json.dumps(config, sort_keys=True).encode()
    first = 4 + 4 * (len(data) + 1) + len(text)
    offsets = first + np.cumsum([0, *map(len, data)])
    whole = struct.pack("<I", len(data)) + offsets.astype("<u4").tobytes() + text + b"".join(data)
    (folder / "shard.00000.mds").write_bytes(whole)
    raw = {"basename": "shard.00000.mds", "bytes": len(whole), "hashes": {}}
    entry = {**config, "raw_data": raw, "samples": len(data), "zip_data": None}
    (folder / "index.json").write_text(json.dumps({"version": 2, "shards": [entry]}))
    return folder / "index.json"


def shaped(values: list[int], dtype: str, code: int) -> bytes:
    """An `ndarray` column that has its type and shape before its values."""
    return bytes([code, (1 << 2) | 1]) + np.array([len(values)], "<u2").tobytes() + np.array(values, dtype).tobytes()


def write_tokenizer(path: Path) -> None:
    """A tokenizer.json of the letters a to z (0 to 25), an end token (26), a begin token (27) and padding (28)."""
    added = [{"id": 26 + n, "content": name, "special": True} for n, name in enumerate(("</s>", "<s>", "<pad>"))]
    for token in added:
        token.update({"single_word": False, "lstrip": False, "rstrip": False, "normalized": False})
    letters = {chr(97 + n): n for n in range(26)}
    model = {"type": "BPE", "vocab": letters, "merges": []}
    path.write_text(json.dumps({"version": "1.0", "added_tokens": added, "model": model}))
