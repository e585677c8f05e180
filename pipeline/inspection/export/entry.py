"""What is known of a shard's part of an export: its files and what is in them. It is written behind them, so that an
export that was interrupted goes on where it stopped, and one of a changed run writes what has changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.inspection.export.options import COUNTED
from dspipe.pipeline.inspection.export.shard_files import DATA, DataFile
from dspipe.pipeline.storage.store import Store

ENTRIES = ".dspipe"
"""the folder of entries: hidden, so that whatever lists data files passes it by"""


@dataclass
class Counts:
    """Rows that were written, their bytes of text, and both by the values of some columns."""

    rows: int = 0
    text_bytes: int = 0
    without_text: int = 0
    """rows of documents that were dropped while they were read, whose text isn't kept"""
    by: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    """column -> value -> [rows, bytes of text]"""

    def add(self, batch: pa.RecordBatch) -> None:
        """Count rows; `batch` has `text_bytes` and those of COUNTED that there are, and `text` where it is written."""
        self.rows += batch.num_rows
        self.text_bytes += pc.sum(batch.column("text_bytes")).as_py() or 0
        if "text" in batch.schema.names:
            self.without_text += batch.column("text").null_count
        for name in COUNTED:
            if name not in batch.schema.names:
                continue
            values = pc.fill_null(batch.column(name).cast(pa.string()), "")
            table = pa.table({"value": values, "bytes": batch.column("text_bytes")})
            sums = table.group_by("value").aggregate([("bytes", "count"), ("bytes", "sum")])
            columns = (sums.column(part).to_pylist() for part in ("value", "bytes_count", "bytes_sum"))
            for value, rows, size in zip(*columns, strict=True):
                found = self.by.setdefault(name, {}).setdefault(value, [0, 0])
                found[0] += rows
                found[1] += size or 0

    def merge(self, other: "Counts") -> None:
        """Add those of another shard."""
        self.rows += other.rows
        self.text_bytes += other.text_bytes
        self.without_text += other.without_text
        for name, values in other.by.items():
            mine = self.by.setdefault(name, {})
            for value, (rows, size) in values.items():
                found = mine.setdefault(value, [0, 0])
                found[0] += rows
                found[1] += size

    def as_json(self) -> dict[str, Any]:
        """JSON values, in an order that depends on nothing but the counts."""
        by = {name: dict(sorted(self.by[name].items())) for name in sorted(self.by)}
        return {"rows": self.rows, "text_bytes": self.text_bytes, "without_text": self.without_text, "by": by}


@dataclass(frozen=True)
class Entry:
    """A shard's part of an export."""

    key: str
    """of the rows that were read and how they were written"""
    files: list[DataFile]
    counts: Counts

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"key": self.key, "files": [file.as_json() for file in self.files], **self.counts.as_json()}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "Entry":
        """Of what `as_json` has given. Raises KeyError, TypeError, ValueError for anything else."""
        counts = Counts(**{name: value[name] for name in ("rows", "text_bytes", "without_text", "by")})
        return Entry(value["key"], [DataFile(**file) for file in value["files"]], counts)


def entry_name(shard: int) -> str:
    """The name of a shard's entry, below the export's root."""
    return f"{ENTRIES}/{shard:05d}.json"


class Written:
    """The entries that an earlier call has left, and the files that are there."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.entries = set(store.names(ENTRIES))
        self.sizes = {f"{DATA}/{name}": size for name, size in store.sizes(DATA).items()}

    def entry(self, shard: int, key: str) -> Entry | None:
        """A shard's entry, where it has this key and all its files are there as they were written."""
        name = entry_name(shard)
        if name.partition("/")[2] not in self.entries:
            return None
        try:
            entry = Entry.from_json(self._store.read_json(name))
        except (DamagedFileError, KeyError, TypeError, ValueError):
            return None
        whole = all(self.sizes.get(file.name) == file.bytes for file in entry.files)
        return entry if whole and entry.key == key else None
