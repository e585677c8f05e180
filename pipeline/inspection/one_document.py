"""Reading one document of a run: the manifests of its shard, and of each file the row group that it is in."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from dspipe.pipeline.doc_id import split
from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.plan.compile_stages import DOCUMENTS
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.storage.columns import Column, read_rows
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import Manifest


def read_so_far(store: Store) -> list[str]:
    """The manifests of the shards that are read, while the text pass goes on."""
    return [f"{DOCUMENTS}/{name}" for name in store.names(DOCUMENTS) if name.endswith(".manifest.json")]


class OneDocument:
    """A document by its number (`pipeline.doc_id`). Raises IndexError for one that the run doesn't have, and
    FileNotFoundError where a file is gone."""

    def __init__(self, store: Store, run: RunFile, number: int) -> None:
        self._store = store
        shard, row = split(number)
        by_shard = [phase for phase in run.phases if phase.by_shard]
        names = [phase.manifests[shard] for phase in by_shard] or [read_so_far(store)[shard]]
        phases = [phase.name for phase in by_shard] or [DOCUMENTS]
        self._manifests: dict[str, Manifest] = dict(zip(phases, store.read_json_many(names), strict=True))
        self._groups: list[int] = next(iter(self._manifests.values()))["groups"]
        ends = list(accumulate(self._groups))
        self._group = int(np.searchsorted(ends, row, "right"))
        if self._group == len(ends):
            raise IndexError(f"shard {shard} has {ends[-1] if ends else 0:,} documents, not {row + 1:,}")
        self._row = row - ends[self._group] + self._groups[self._group]

    def by_phase(self) -> dict[str, dict[str, Any]]:
        """All its columns that aren't null, by the phase that wrote them."""
        found = {}
        for phase, manifest in self._manifests.items():
            columns = {name: Column(*place) for name, place in manifest["columns"].items()}
            values = self._read(columns, list(columns))
            found[phase] = {name: value for name, value in values.items() if value is not None}
        return {phase: values for phase, values in found.items() if values}

    def columns(self, names: Sequence[str]) -> dict[str, Any]:
        """The newest of some columns; null where the run doesn't have one."""
        every = {name: Column(*place) for one in self._manifests.values() for name, place in one["columns"].items()}
        there = [name for name in names if name in every]
        return {**dict.fromkeys(names), **self._read(every, there)}

    def _read(self, columns: dict[str, Column], names: Sequence[str]) -> dict[str, Any]:
        if not names:
            return {}
        (batch,) = read_rows(self._store, columns, names, self._groups, [self._group])
        return {name: batch.column(name)[self._row].as_py() for name in names}


def open_kept(store: Store, run: RunFile, number: int) -> OneDocument:
    """The document that another one's column names. Raises DamagedFileError where there is none of that number."""
    try:
        return OneDocument(store, run, number)
    except IndexError:
        raise DamagedFileError(store.root, f"has no document {number}, which another one's columns name") from None
