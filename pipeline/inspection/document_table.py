"""All documents of a run as one table, read by columns: whatever looks at documents afterwards reads this one.

A column is the newest that some phase wrote: `text` as the last rewriting left it, `reason` as the last verdict (null:
kept). Two columns are derived: `stage`, which of the stages dropped a document, and `number` (`pipeline.doc_id`). A run
that isn't finished has the columns of the phases that are, and while it is reading, the shards that are read.
"""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dspipe.pipeline.doc_id import doc_ids
from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.plan.compile_stages import DOCUMENTS
from dspipe.pipeline.plan.phase_record import read_phase_manifests
from dspipe.pipeline.run.run_file import RunFile, read_run
from dspipe.pipeline.run.summary import PhaseSummary
from dspipe.pipeline.storage.columns import Column, read_rows
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import Manifest

REASON, STAGE, NUMBER = "reason", "stage", "number"
_GROUPS_AT_ONCE = 4
"""row groups that a thread reads in one go"""
_DERIVED = {STAGE: pa.string(), NUMBER: pa.uint64()}


@dataclass(frozen=True)
class ShardColumns:
    """Where the columns of one shard are."""

    columns: Mapping[str, Column]
    groups: Sequence[int]
    """rows of each row group"""

    @property
    def rows(self) -> int:
        """Documents of the shard."""
        return sum(self.groups)


@dataclass(frozen=True)
class Rows:
    """Neighbouring documents."""

    shard: int
    first: int
    """the row of the first one in its shard"""
    batch: pa.RecordBatch


class DocumentTable:
    """The documents of a run: `columns` says which columns there are, `read` reads some of them."""

    def __init__(self, store: Store, run: RunFile) -> None:
        self.store, self.run = store, run

    @staticmethod
    def open(root: str) -> "DocumentTable":
        """The table of the run at this output directory or address. Raises RunNotFoundError."""
        return DocumentTable(*read_run(root))

    @cached_property
    def shards(self) -> list[ShardColumns]:
        """Where each shard's columns are. Raises DamagedFileError."""
        later = [phase for phase in self.run.phases[1:] if phase.by_shard]
        read = [self.text_pass_manifests(), *map(self._manifests, later)]
        found = []
        for manifests in zip(*read, strict=True):
            columns = {name: Column(*place) for manifest in manifests for name, place in manifest["columns"].items()}
            found.append(ShardColumns(columns, manifests[0]["groups"]))
        return found

    def text_pass_manifests(self) -> list[Manifest]:
        """What the tasks have left in which the documents were read, by shard: those that are done. Raises
        DamagedFileError."""
        first = self.run.text_pass()
        if first is not None:
            return self._manifests(first)
        names = [name for name in self.store.names(DOCUMENTS) if name.endswith(".manifest.json")]
        return list(self.store.read_json_many([f"{DOCUMENTS}/{name}" for name in names]))

    @cached_property
    def columns(self) -> dict[str, pa.DataType]:
        """The columns that every shard has, and their types, the derived ones last. Empty where no shard is read."""
        if not self.shards:
            return {}
        first = self.shards[0].columns
        types: dict[str, pa.DataType] = {}
        for file in dict.fromkeys(column.file for column in first.values()):
            schema = self._schema(file)
            types |= {name: schema.field(name).type for name, column in first.items() if column.file == file}
        common = [name for name in first if all(name in shard.columns for shard in self.shards)]
        derived = {name: kind for name, kind in _DERIVED.items() if name == NUMBER or REASON in common}
        return {**{name: types[name] for name in common}, **derived}

    @property
    def documents(self) -> int:
        """Documents in all shards, whatever became of them."""
        return sum(shard.rows for shard in self.shards)

    @cached_property
    def stage_of_reason(self) -> dict[str, str]:
        """The stage that drops with a reason. Where two stages drop with the same one, the earlier."""
        found: dict[str, str] = {}
        for entry in self.run.funnel():
            for reason in entry.dropped:
                found.setdefault(reason, entry.stage)
        return found

    def read(self, names: Sequence[str], shards: Sequence[int] | None = None) -> Iterator[Rows]:
        """The named columns in the order of the documents, a batch a row group, read by as many threads as there are
        cores; at most a few row groups wait to be taken. `shards`: default all. Raises DamagedFileError."""
        stored = [name for name in names if name not in _DERIVED]
        if STAGE in names and REASON not in stored:
            stored.append(REASON)
        numbers = range(len(self.shards)) if shards is None else shards
        workers = os.cpu_count() or 1
        with ThreadPoolExecutor(workers, "dspipe-read") as pool:
            waiting: deque[Future[list[Rows]]] = deque()
            try:
                for part in self._parts(numbers):
                    waiting.append(pool.submit(self._read_part, part, stored, names))
                    if len(waiting) > 2 * workers:
                        yield from waiting.popleft().result()
                while waiting:
                    yield from waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def read_shard(self, names: Sequence[str], shard: int) -> Iterator[Rows]:
        """As `read`, of one shard, in this thread: a row group is in memory at a time."""
        stored = [name for name in names if name not in _DERIVED]
        if STAGE in names and REASON not in stored:
            stored.append(REASON)
        first = 0
        for group, rows in enumerate(self.shards[shard].groups):
            yield from self._read_part((shard, first, [group]), stored, names)
            first += rows

    def read_row(self, shard: int, row: int, names: Sequence[str]) -> dict[str, Any]:
        """The named columns of one document: only its row group is read."""
        first = 0
        for group, rows in enumerate(self.shards[shard].groups):
            if row < first + rows:
                stored = [name for name in names if name not in _DERIVED]
                if STAGE in names and REASON not in stored:
                    stored.append(REASON)
                found = self._read_part((shard, first, [group]), stored, names)[0].batch
                return {name: found.column(name)[row - first].as_py() for name in names}
            first += rows
        raise IndexError(f"shard {shard} has {first:,} documents, not {row + 1:,}")

    def _manifests(self, phase: PhaseSummary) -> list[Manifest]:
        try:
            return read_phase_manifests(self.store, phase.names, phase.manifests)
        except FileNotFoundError as error:
            raise DamagedFileError(str(error.filename or error), "is gone") from None

    def _parts(self, shards: Sequence[int]) -> Iterator[tuple[int, int, list[int]]]:
        """(shard, its first row, row groups) of what is read in one go."""
        for shard in shards:
            groups, first = self.shards[shard].groups, 0
            for start in range(0, len(groups), _GROUPS_AT_ONCE):
                part = list(range(start, min(start + _GROUPS_AT_ONCE, len(groups))))
                yield shard, first, part
                first += sum(groups[group] for group in part)

    def _read_part(self, part: tuple[int, int, list[int]], stored: list[str], names: Sequence[str]) -> list[Rows]:
        shard, first, groups = part
        place = self.shards[shard]
        found = []
        try:
            # with no stored column asked for, one is read for its rows
            for batch in read_rows(self.store, place.columns, stored or ["origin"], place.groups, groups):
                arrays = [self._column(name, batch, shard, first) for name in names]
                found.append(Rows(shard, first, pa.RecordBatch.from_arrays(arrays, names=list(names))))
                first += batch.num_rows
        except FileNotFoundError as error:
            raise DamagedFileError(str(error.filename or error), "is gone") from None
        return found

    def _column(self, name: str, batch: pa.RecordBatch, shard: int, first: int) -> pa.Array:
        if name == NUMBER:
            return pa.array(doc_ids(shard, np.arange(first, first + batch.num_rows)))
        if name != STAGE:
            return batch.column(name)
        reasons = pc.dictionary_encode(batch.column(REASON).cast(pa.string()))
        stages = [self.stage_of_reason.get(reason, reason) for reason in reasons.dictionary.to_pylist()]
        return pa.array(stages, pa.string()).take(reasons.indices)

    def _schema(self, file: str) -> pa.Schema:
        try:
            with self.store.reading(file) as stored:
                return pq.read_schema(stored)
        except FileNotFoundError:
            raise DamagedFileError(self.store.path(file), "is gone") from None
        except pa.ArrowInvalid as error:
            raise DamagedFileError(self.store.path(file), f"is cut or was changed: {error}") from None
