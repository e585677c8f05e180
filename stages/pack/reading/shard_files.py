"""The shards that a manifest names, mapped into memory. Numpy only (pyarrow for Parquet shards)."""

import hashlib
import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dspipe.stages.pack.document_table import SUFFIX, Documents, load_documents
from dspipe.stages.pack.formats import mds
from dspipe.stages.pack.reading.remote import RemoteFiles

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


def _open_index(path: Path | str, copies: Path | str | None) -> tuple[str, RemoteFiles | None, bytes]:
    """Where the manifest is, the storage of its files if it isn't local, and the manifest."""
    if "://" not in str(path):
        index = find_index(path)
        return str(index), None, index.read_bytes()
    root = str(path).removesuffix("/index.json").rstrip("/")
    remote = RemoteFiles(root, copies)
    try:
        return f"{root}/index.json", remote, remote.read("index.json")
    except FileNotFoundError:
        raise ShardError(f"no packed shards in {root}: it has no index.json") from None


class Shards:
    """The shards that a manifest names, opened when they are first read.

    path      a folder with `index.json`, a run's, or the file itself; or the address of a run, as s3://bucket/run
    copies    the folder for local copies of remote shards (`stages.pack.reading.remote`)
    """

    def __init__(self, path: Path | str, copies: Path | str | None = None) -> None:
        self.path, self._remote, data = _open_index(path, copies)
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
        path = self._find(entry["name"], entry["sha256"])
        if path is None:
            raise ShardError(f"{entry['name']} is missing beside {self.path}")
        size = path.stat().st_size
        if size != entry["bytes"]:
            where = entry["name"] if self._remote else path
            raise ShardError(f"{where} has {size:,} bytes, the manifest says {entry['bytes']:,}")
        return path

    def _find(self, name: str, sha256: str) -> Path | None:
        if self._remote is not None:
            try:
                return self._remote.copy(name, sha256)
            except FileNotFoundError:
                return None
        folder = Path(self.path).parent
        return next((path for path in (folder / name, folder.parent / name) if path.is_file()), None)

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
            from dspipe.stages.pack.formats.parquet import ParquetRows

            return ParquetRows(self.file(shard, ".parquet"))
        suffix, offset = ".bin", 0
        if format == "mds":
            suffix, offset = ".mds", len(mds.header(rows, self.row_length, self.dtype))
        path = self.file(shard, suffix)
        expected = offset + rows * self.row_length * self.dtype.itemsize
        if path.stat().st_size != expected:
            raise ShardError(f"{path} has {path.stat().st_size:,} bytes, {rows:,} rows need {expected:,}")
        return np.memmap(path, self.dtype, "r", offset, (rows, self.row_length))
