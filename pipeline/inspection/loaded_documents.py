"""A run's documents with what is asked of them again and again in memory: verdicts, domains, languages, sizes.

26 bytes a document, whatever else it has: 260 MB for ten million. Other columns are read when they are asked for, and
kept as long as they fit the memory that is given for them.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.doc_id import doc_ids
from dspipe.pipeline.inspection.document_table import REASON, DocumentTable

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]

_ROWS = 1 << 16
"""of a chunk, at least: of fewer, calls cost more than the work in them"""


@dataclass
class Names:
    """Strings as numbers, numbered as they come."""

    names: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def code(self, name: str) -> int:
        """The number of a string."""
        place = self._places.setdefault(name, len(self.names))
        if place == len(self.names):
            self.names.append(name)
        return place

    def codes(self, column: pa.Array) -> Codes:
        """The numbers of a column of strings (int32), -1 for null."""
        encoded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
        places = np.array([*(self.code(name) for name in encoded.dictionary.to_pylist()), -1], np.int32)
        codes: Codes = places[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
        return codes


@dataclass
class _Cache:
    """Chunks of columns, by their names; the ones that were asked for longest ago go first."""

    bytes: int
    held: int = 0
    columns: OrderedDict[str, list[pa.Array]] = field(default_factory=OrderedDict)

    def put(self, name: str, chunks: list[pa.Array]) -> None:
        size = sum(chunk.nbytes for chunk in chunks)
        if size > self.bytes:
            return
        self.columns[name] = chunks
        self.held += size
        while self.held > self.bytes:
            _, gone = self.columns.popitem(last=False)
            self.held -= sum(chunk.nbytes for chunk in gone)

    def get(self, name: str) -> list[pa.Array]:
        self.columns.move_to_end(name)
        return self.columns[name]


class LoadedDocuments:
    """The n documents of a table, in order. `tokens` is -1 where the tokenizer hasn't seen a document."""

    def __init__(self, table: DocumentTable, memory: int) -> None:
        """memory: bytes for columns beside those that are always held. Raises DamagedFileError."""
        self.table = table
        self._cache = _Cache(memory)
        self.reasons, self.domains, self.languages = Names(), Names(), Names()
        known = table.columns
        base = [name for name in (REASON, "domain", "language", "text_bytes", "tokens") if name in known]
        n = table.documents
        self.rows = n
        self.reason, self.domain, self.language = (np.full(n, -1, np.int32) for _ in range(3))
        self.text_bytes, self.tokens = np.zeros(n, np.int64), np.full(n, -1, np.int64)
        start = 0
        for rows in table.read(base):
            part, batch = slice(start, start + rows.batch.num_rows), rows.batch
            for name, column in zip(base, batch.columns, strict=True):
                if name in ("text_bytes", "tokens"):
                    values = column.fill_null(0 if name == "text_bytes" else -1).to_numpy(zero_copy_only=False)
                    (self.text_bytes if name == "text_bytes" else self.tokens)[part] = values
                else:
                    target, names = {
                        REASON: (self.reason, self.reasons),
                        "domain": (self.domain, self.domains),
                        "language": (self.language, self.languages),
                    }[name]
                    target[part] = names.codes(column)
            start = part.stop
        self.tokens[(self.tokens == 0) & (self.text_bytes > 0)] = -1

    @cached_property
    def numbers(self) -> UInt64:
        """The documents' numbers (`pipeline.doc_id`)."""
        return np.concatenate(
            [
                np.empty(0, np.uint64),
                *(doc_ids(shard, np.arange(columns.rows)) for shard, columns in enumerate(self.table.shards)),
            ]
        )

    def place(self, row: int) -> tuple[int, int]:
        """(shard, row in it) of one of the documents."""
        for shard, columns in enumerate(self.table.shards):
            if row < columns.rows:
                return shard, row
            row -= columns.rows
        raise IndexError(f"no document {row}")

    def read(self, names: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """(row of the first, the named columns) of all documents in order, some ten thousand at a time. Raises
        DamagedFileError."""
        missing = [name for name in names if name not in self._cache.columns]
        held = {name: self._cache.get(name) for name in names if name not in missing}
        new: dict[str, list[pa.Array]] | None = {name: [] for name in missing} if missing else None
        chunks = self._read_chunks(missing) if missing else iter(())
        first = size = 0
        for number, rows in enumerate(self._sizes):
            found = {name: arrays[number] for name, arrays in held.items()}
            if missing:
                found |= dict(zip(missing, next(chunks).columns, strict=True))
            if new is not None:
                size += sum(found[name].nbytes for name in missing)
                for name in missing:
                    new[name].append(found[name])
                if size > self._cache.bytes:
                    new = None  # read anew each time
            yield first, pa.RecordBatch.from_arrays([found[name] for name in names], names=list(names))
            first += rows
        for name, arrays in (new or {}).items():
            self._cache.put(name, arrays)

    @cached_property
    def _sizes(self) -> list[int]:
        """Rows of each chunk: whole row groups."""
        sizes: list[int] = []
        for columns in self.table.shards:
            for rows in columns.groups:
                if rows == 0:
                    continue
                if sizes and sizes[-1] < _ROWS:
                    sizes[-1] += rows
                else:
                    sizes.append(rows)
        return sizes

    def _read_chunks(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        parts = (rows.batch for rows in self.table.read(names))
        for wanted in self._sizes:
            taken: list[pa.RecordBatch] = []
            while sum(part.num_rows for part in taken) < wanted:
                taken.append(next(parts))
            yield pa.Table.from_batches(taken).combine_chunks().to_batches()[0]
