"""MDS shards of anybody's making: the token ids of one column, of fixed or varying length, compressed or not.

The layout of a shard stands in `stages.pack.formats.mds`. A sample is its columns' bytes in the order of their names,
behind a uint32 for the length of each column that has no fixed one (mosaicml-streaming, format/mds/writer.py). An
`ndarray` without type or shape has them before its values (format/mds/encodings.py):

    [type: 1 byte] [axes * 4 + log2 of the bytes of a length: 1 byte] [lengths] [values]
"""

import bz2
import gzip
import json
import mmap
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

COLUMNS = ("tokens", "input_ids")
"""names of columns of token ids, the first that is there counts"""
_TYPES = {8: "<u1", 9: "<i1", 16: "<u2", 17: "<i2", 32: "<u4", 33: "<i4", 64: "<u8", 65: "<i8"}
_PIECE_BITS = 23
"""of 8 MB: how often mapped memory is given back"""
_LARGEST = 1 << 24
"""no vocabulary is as large: what `bytes` mean is found by it"""


class MdsError(ValueError):
    """An MDS shard that isn't one, isn't whole, or has no column of token ids."""


@dataclass(frozen=True)
class MdsShard:
    """One shard. `files`: the shard as it is, or compressed, whichever is there."""

    files: Sequence[Path]
    names: Sequence[str]
    encodings: Sequence[str]
    sizes: Sequence[int | None]
    compression: str | None = None

    @property
    def place(self) -> int:
        """The place of the column of token ids. Raises MdsError."""
        for name in COLUMNS:
            if name in self.names:
                return list(self.names).index(name)
        known, names = " or ".join(COLUMNS), ", ".join(self.names)
        raise MdsError(f"{self.files[0]} has no column {known} of token ids; its columns are {names}")


def list_shards(index: Path) -> list[MdsShard]:
    """The shards of an `index.json`. Raises MdsError."""
    try:
        value = json.loads(index.read_bytes())
        return [_described(index.parent, entry) for entry in value["shards"]]
    except (KeyError, TypeError, ValueError) as error:
        raise MdsError(f"{index} is no index of MDS shards: {type(error).__name__}: {error}") from None


def one_shard(path: Path) -> MdsShard:
    """A shard by itself: what its columns are stands in it. Raises MdsError."""
    try:
        with path.open("rb") as file:
            (samples,) = struct.unpack("<I", file.read(4))
            (first,) = struct.unpack("<I", file.read(4))
            file.seek(4 * samples, 1)
            entry = json.loads(file.read(first - 4 * (samples + 2)))
        return MdsShard([path], entry["column_names"], entry["column_encodings"], entry["column_sizes"])
    except (struct.error, KeyError, TypeError, ValueError):
        raise MdsError(f"{path} is no MDS shard, or is cut") from None


def read_samples(shard: MdsShard) -> Iterator[npt.NDArray[Any]]:
    """The token ids of each sample. Raises MdsError."""
    place, data, where = shard.place, _open(shard), shard.files[0]
    fixed = shard.sizes
    mapped = getattr(data, "_mmap", None)
    encoding, size = shard.encodings[place], shard.sizes[place]
    heads = [number for number, other in enumerate(fixed) if other is None]
    samples = int(data[:4].view("<u4")[0]) if len(data) >= 4 else -1
    if samples < 0 or len(data) < 8 + 4 * samples:
        raise MdsError(f"{where} is cut: {len(data):,} bytes")
    offsets = np.frombuffer(data[4 : 8 + 4 * samples].tobytes(), "<u4").astype(np.int64)
    if offsets[-1] > len(data) or (np.diff(offsets) < 0).any():
        raise MdsError(f"{where} is cut: {len(data):,} bytes, its samples need {int(offsets.max()):,}")
    read = _reader(encoding, where)
    for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        lengths = np.frombuffer(data[start : start + 4 * len(heads)].tobytes(), "<u4").tolist()
        at = start + 4 * len(heads)
        told = dict(zip(heads, lengths, strict=True))
        for number in range(place):
            at += told.get(number, fixed[number] or 0)
        long = told.get(place, size or 0)
        if at + long > end:
            raise MdsError(f"{where}: a sample is longer than its place")
        yield read(data[at : at + long])
        if isinstance(mapped, mmap.mmap) and start >> _PIECE_BITS != end >> _PIECE_BITS:
            mapped.madvise(mmap.MADV_DONTNEED)  # else all of the file would count as this process's memory


def _described(folder: Path, entry: dict[str, Any]) -> MdsShard:
    if entry.get("format", "mds") != "mds":
        raise ValueError(f"the format is {entry['format']}")
    names = [entry[key]["basename"] for key in ("raw_data", "zip_data") if entry.get(key)]
    # ours stand beside the index or below the folder that it is in
    files = [folder / name for name in names]
    compression = entry.get("compression")
    return MdsShard(files, entry["column_names"], entry["column_encodings"], entry["column_sizes"], compression)


def _open(shard: MdsShard) -> npt.NDArray[np.uint8]:
    """The shard's bytes, mapped into memory; decompressed where only the compressed file is there. Raises MdsError."""
    raw = shard.files[0]
    if raw.is_file():
        return np.memmap(raw, np.uint8, "r") if raw.stat().st_size else np.zeros(0, np.uint8)
    zipped = next((path for path in shard.files[1:] if path.is_file()), None)
    if zipped is None:
        raise MdsError(f"{raw} is missing")
    kind = (shard.compression or "").partition(":")[0]
    data = zipped.read_bytes()
    try:
        if kind == "zstd":
            return np.frombuffer(zstandard.ZstdDecompressor().decompressobj().decompress(data), np.uint8)
        if kind in ("gz", "bz2"):
            return np.frombuffer(gzip.decompress(data) if kind == "gz" else bz2.decompress(data), np.uint8)
    except (OSError, ValueError, EOFError, zstandard.ZstdError) as error:
        raise MdsError(f"{zipped} can't be decompressed: {error}") from None
    raise MdsError(f"{zipped} is compressed with {kind or 'something'}; known are zstd, gz and bz2")


def _reader(encoding: str, where: Path) -> Any:
    """What makes an array of a column's bytes. Raises MdsError."""
    name, *given = encoding.split(":")
    if name == "bytes":
        return _Guessed()
    if name != "ndarray":
        raise MdsError(f"{where}: the column of token ids is {encoding}; known are ndarray and bytes")
    dtype, shaped = (np.dtype(given[0]).newbyteorder("<") if given else None), len(given) > 1

    def read(data: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        at, found = 0, dtype
        if found is None:
            if int(data[0]) not in _TYPES:
                raise MdsError(f"{where}: a sample's type {int(data[0])} is no type of whole numbers")
            found, at = np.dtype(_TYPES[int(data[0])]), 1
        if not shaped:
            byte = int(data[at])
            at += 1 + (byte >> 2) * (1 << byte % 4)
        return np.frombuffer(data[at:].tobytes(), found)

    return read


class _Guessed:
    """Arrays of bytes that don't say of what: LLM Foundry writes int64, others int32 or uint16."""

    def __init__(self) -> None:
        self._dtype: str | None = None

    def __call__(self, data: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        raw = data.tobytes()
        if self._dtype is None:
            for dtype in ("<i8", "<i4"):
                if raw and len(raw) % np.dtype(dtype).itemsize == 0:
                    values = np.frombuffer(raw, dtype)
                    if values.min() >= 0 and values.max() < _LARGEST:
                        self._dtype = dtype
                        break
            else:
                self._dtype = "<u2"
        return np.frombuffer(raw, self._dtype)
