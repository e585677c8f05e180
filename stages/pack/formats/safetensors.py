"""Named arrays in one file, in the safetensors layout: the readers of that format open it, and numpy maps it.

uint64 length of the header | header: JSON {name: {dtype, shape, data_offsets}, __metadata__: {str: str}} | data
"""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

_NAMES = {"uint8": "U8", "int32": "I32", "int64": "I64", "uint16": "U16", "uint32": "U32", "uint64": "U64"}
_DTYPES = {name: np.dtype(dtype).newbyteorder("<") for dtype, name in _NAMES.items()}


def save_arrays(file: BinaryIO, arrays: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write the arrays and the metadata. Equal arrays give equal bytes."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    at = 0
    # wide elements first, so that each array starts at a multiple of its element size
    ordered = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    for name in ordered:
        array = arrays[name]
        header[name] = {
            "dtype": _NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes],
        }
        at += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    for name in ordered:
        file.write(np.ascontiguousarray(arrays[name]).data)


def load_arrays(path: Path | str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """The arrays, mapped into memory, and the metadata. Raises ValueError when the file is cut short."""
    with Path(path).open("rb") as file:
        head = file.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else 1 << 63
        size = Path(path).stat().st_size
        if length > size - 8:
            raise ValueError(f"{path} is cut short or is not a safetensors file")
        header = json.loads(file.read(length).decode("utf-8", "surrogatepass"))
    metadata: dict[str, str] = header.pop("__metadata__", {})
    if max((entry["data_offsets"][1] for entry in header.values()), default=0) != size - 8 - length:
        raise ValueError(f"{path} is cut short: its header names more or other bytes than it has")
    # one mapping for all: a process may have 65,530 of them on Linux, and a data set thousands of such files
    data = np.memmap(path, np.uint8, "r").view(np.ndarray)[8 + length :]
    arrays = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        arrays[name] = data[start:end].view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays, metadata
