"""The shards that a manifest names, mapped into memory. Numpy only (pyarrow for Parquet shards)."""

import hashlib
import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dspipe.pipeline.errors import DamagedFileError
from dspipe.stages.pack.document_table import SUFFIX, DocumentTable, load_table
from dspipe.stages.pack.formats import mds
from dspipe.stages.pack.manifest import ROWS_SUFFIX, Manifest, PackedShard, ShardFile
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
    inside = path if path.name == "shards" else path / "shards"
    found = sorted(inside.glob("*.index.json"), key=lambda file: (file.stat().st_mtime_ns, file.name))
    if not found:
        raise ShardError(f"no packed shards in {path}: it has neither index.json nor shards/*.index.json")
    return found[-1]


class Shards:
    """The shards that a manifest names, opened when they are first read. Copies for other processes open their own.

    path      a folder with `index.json`, a run's, or the file itself; or the address of a run, as s3://bucket/run
    copies    the folder for local copies of remote shards (`stages.pack.reading.remote`)
    """

    def __init__(self, path: Path | str, copies: Path | str | None = None) -> None:
        self.path, self._remote, content = _open_index(path, copies)
        self.sha256 = hashlib.sha256(content).hexdigest()
        """of the manifest"""
        self.manifest = _parse(content, self.path)
        self.parts: list[PackedShard] = self.manifest.parts
        self.row_length = self.manifest.row_length
        self.dtype = np.dtype(self.manifest.dtype).newbyteorder("<")
        self.domains = list(self.manifest.domains)
        self.ends: Int64 = np.cumsum([part.rows for part in self.parts], dtype=np.int64)
        self._tokens: dict[int, Rows] = {}
        self._tables: dict[int, DocumentTable] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without what is mapped into memory, which would be copied whole."""
        return {**self.__dict__, "_tokens": {}, "_tables": {}}

    @property
    def rows(self) -> int:
        """Rows in all shards."""
        return int(self.ends[-1]) if len(self.ends) else 0

    def first_row(self, shard: int) -> int:
        """The number of a shard's first row among all rows."""
        return int(self.ends[shard - 1]) if shard else 0

    def find_row(self, row: int) -> tuple[int, int]:
        """The shard of a row, and its number there."""
        shard = int(np.searchsorted(self.ends, row, side="right"))
        return shard, row - self.first_row(shard)

    def rows_file(self, shard: int) -> ShardFile:
        """The file that holds a shard's rows, as the manifest names it."""
        return self._file(shard, ROWS_SUFFIX[self.manifest.format])

    def partition(self, shard: int) -> int | None:
        """The number of the partition that a shard is of, some of which have no rows; None: of all their remainders."""
        name = self.rows_file(shard).name.rpartition("/")[2].partition("-")[0]
        return int(name) if name.isdigit() else None

    def read_tokens(self, shard: int, row: int, column: int, length: int) -> npt.NDArray[Any] | None:
        """Some tokens of a shard's row. Of a remote shard that isn't copied yet only these are read; None for one of
        Parquet, whose rows can't be read alone."""
        if self._remote is None or shard in self._tokens:
            return np.asarray(self.tokens(shard)[row][column : column + length])
        if self.manifest.format == "parquet":
            return None
        start = self._rows_offset(shard) + (row * self.row_length + column) * self.dtype.itemsize
        data = self._remote.read_range(self.rows_file(shard).name, start, length * self.dtype.itemsize)
        return np.frombuffer(data, self.dtype)

    def local_path(self, shard: int, suffix: str) -> Path:
        """A shard's file, or its local copy. Raises ShardError when it is missing or of another size than stated."""
        file = self._file(shard, suffix)
        path = self._find(file)
        if path is None:
            raise ShardError(f"{file.name} is missing beside {self.path}")
        size = path.stat().st_size
        if size != file.bytes:
            where = file.name if self._remote else path
            raise ShardError(f"{where} has {size:,} bytes, the manifest says {file.bytes:,}")
        return path

    def tokens(self, shard: int) -> Rows:
        """The rows of a shard, mapped into memory."""
        if shard not in self._tokens:
            self._tokens[shard] = self._open_rows(shard)
        return self._tokens[shard]

    def table(self, shard: int) -> DocumentTable:
        """The table of a shard's documents, mapped into memory."""
        if shard not in self._tables:
            self._tables[shard] = load_table(self.local_path(shard, SUFFIX))
        return self._tables[shard]

    def _file(self, shard: int, suffix: str) -> ShardFile:
        try:
            return self.parts[shard].files[suffix]
        except KeyError:
            raise ShardError(f"{self.path} names no {suffix} of shard {shard}") from None

    def _find(self, file: ShardFile) -> Path | None:
        if self._remote is not None:
            try:
                return self._remote.copy(file.name, file.sha256)
            except FileNotFoundError:
                return None
            except DamagedFileError as error:
                raise ShardError(str(error)) from None
        folder = Path(self.path).parent
        return next((path for path in (folder / file.name, folder.parent / file.name) if path.is_file()), None)

    def _rows_offset(self, shard: int) -> int:
        """Where a shard's first row begins in its file, which isn't Parquet."""
        header = self.manifest.format == "mds"
        return len(mds.make_header(self.parts[shard].rows, self.row_length, self.dtype)) if header else 0

    def _open_rows(self, shard: int) -> Rows:
        rows, format = self.parts[shard].rows, self.manifest.format
        path = self.local_path(shard, ROWS_SUFFIX[format])
        if format == "parquet":
            from dspipe.stages.pack.formats.parquet import ParquetRows

            return ParquetRows(path)
        offset = self._rows_offset(shard)
        expected = offset + rows * self.row_length * self.dtype.itemsize
        if path.stat().st_size != expected:
            raise ShardError(f"{path} has {path.stat().st_size:,} bytes, {rows:,} rows need {expected:,}")
        return np.memmap(path, self.dtype, "r", offset, (rows, self.row_length))


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


def _parse(content: bytes, path: str) -> Manifest:
    try:
        manifest = Manifest.from_json(json.loads(content))
    except KeyError as error:
        raise ShardError(f"{path} is no manifest of packed shards: it has no {error.args[0]!r}") from None
    except (ValueError, TypeError) as error:
        raise ShardError(f"{path} is no manifest of packed shards: {error}") from None
    if manifest.format not in ROWS_SUFFIX:
        raise ShardError(f"{path} names the format {manifest.format!r}; known are {', '.join(ROWS_SUFFIX)}")
    return manifest
