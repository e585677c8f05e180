"""The shards that a manifest names, mapped into memory. Numpy only (pyarrow for Parquet shards)."""

import hashlib
import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stages.packing import mds
from stages.packing.documents import SUFFIX, Documents, load_documents

Int64 = npt.NDArray[np.int64]


class ShardError(ValueError):
    """A shard that isn't what the manifest says: missing, cut short, or of another size."""


class Rows(Protocol):
    """The rows of a shard."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> npt.NDArray[Any]: ...


def find_index(path: Path | str) -> Path:
    """The `index.json` of a packed data set: the file itself, or a folder's or a run's. Raises ShardError."""
    path = Path(path)
    if path.is_file():
        return path
    if (path / "index.json").is_file():
        return path / "index.json"
    found = sorted((path / "pack.index").glob("*index.json"), key=lambda file: (file.stat().st_mtime_ns, file.name))
    if not found:
        raise ShardError(f"no packed shards in {path}: it has neither index.json nor pack.index/*index.json")
    return found[-1]


class Shards:
    """The shards that a manifest names, opened when they are first read."""

    def __init__(self, path: Path | str) -> None:
        self.path = find_index(path)
        data = self.path.read_bytes()
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.index: dict[str, Any] = json.loads(data)
        self.parts: list[dict[str, Any]] = self.index["parts"]
        self.row_length: int = self.index["row_length"]
        self.dtype = np.dtype(self.index["dtype"]).newbyteorder("<")
        self.domains: list[str] = list(self.index["domains"])
        self.ends: Int64 = np.cumsum([part["rows"] for part in self.parts], dtype=np.int64)
        self._rows: dict[int, Rows] = {}
        self._documents: dict[int, Documents] = {}

    @property
    def rows(self) -> int:
        """Rows in all shards."""
        return int(self.ends[-1]) if len(self.ends) else 0

    def place(self, row: int) -> tuple[int, int]:
        """The shard of a row, and its number there."""
        shard = int(np.searchsorted(self.ends, row, side="right"))
        return shard, row - (int(self.ends[shard - 1]) if shard else 0)

    def file(self, shard: int, suffix: str) -> Path:
        """The path of a shard's file. Raises ShardError when it is missing or isn't as long as the manifest says."""
        entry = self.parts[shard]["files"][suffix]
        for folder in (self.path.parent, self.path.parent.parent):
            path = folder / str(entry["name"])
            if path.is_file():
                size = path.stat().st_size
                if size != entry["bytes"]:
                    raise ShardError(f"{path} has {size:,} bytes, the manifest says {entry['bytes']:,}")
                return path
        raise ShardError(f"{entry['name']} is missing beside {self.path}")

    def tokens(self, shard: int) -> Rows:
        """The rows of a shard, mapped into memory."""
        if shard not in self._rows:
            self._rows[shard] = self._open(shard)
        return self._rows[shard]

    def documents(self, shard: int) -> Documents:
        """The table of a shard's documents, mapped into memory."""
        if shard not in self._documents:
            self._documents[shard] = load_documents(self.file(shard, SUFFIX))
        return self._documents[shard]

    def _open(self, shard: int) -> Rows:
        rows, format = self.parts[shard]["rows"], self.index["format"]
        if format == "parquet":
            from stages.packing.parquet import ParquetRows

            return ParquetRows(self.file(shard, ".parquet"))
        suffix, offset = ".bin", 0
        if format == "mds":
            suffix, offset = ".mds", len(mds.header(rows, self.row_length, self.dtype))
        path = self.file(shard, suffix)
        expected = offset + rows * self.row_length * self.dtype.itemsize
        if path.stat().st_size != expected:
            raise ShardError(f"{path} has {path.stat().st_size:,} bytes, {rows:,} rows need {expected:,}")
        return np.memmap(path, self.dtype, "r", offset, (rows, self.row_length))
