"""The kept documents of a finished run, as a recall asks for them: shard by shard, a row group at a time."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from os import cpu_count
from threading import Event
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.errors import ConfigError, RunNotFoundError
from dspipe.pipeline.inspection.document_table import REASON, DocumentTable
from dspipe.pipeline.keys import key_of
from dspipe.pipeline.run.run_file import read_run
from dspipe.stages.quality.recall.decisions import OPEN, TAKEN, Decisions, Int8

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""called with documents that are done, and all of them"""
_MOST_THREADS = 64


@dataclass(frozen=True)
class Kept:
    """Neighbouring kept documents of a shard; `rows` uint32: which of the shard's."""

    rows: pa.Array
    batch: pa.RecordBatch


class Corpus:
    """The kept documents of a run."""

    def __init__(self, table: DocumentTable) -> None:
        self.table = table

    @staticmethod
    def open(run: str) -> "Corpus":
        """Those of the run with this output. Raises ConfigError where it can't be recalled from, DamagedFileError."""
        try:
            store, file = read_run(run)
        except RunNotFoundError as error:
            raise ConfigError(str(error), ("run",)) from None
        if not file.finished:
            raise ConfigError(
                f"{run} isn't finished (to come: {', '.join(file.to_come)}), so what it keeps isn't known yet; "
                f"`dspipe run` with its config goes on with it", ("run",)
            )  # fmt: skip
        corpus = Corpus(DocumentTable(store, file))
        if not corpus.table.documents:
            raise ConfigError(f"{run} has no documents", ("run",))
        for name in ("text", "url", "id", "origin"):
            if name not in corpus.table.columns:
                raise ConfigError(f"{run} has no column {name} any more; run its config again", ("run",))
        return corpus

    @cached_property
    def identity(self) -> str:
        """A hash of what is kept, and of its texts and URLs."""
        names = [name for name in ("id", "url", "text", REASON) if name in self.table.columns]
        return key_of([[shard.columns[name].hash for name in names] for shard in self.table.shards])

    def read(self, names: Sequence[str], shard: int) -> Iterator[Kept]:
        """The named columns of a shard's kept documents. Raises DamagedFileError."""
        judged = REASON in self.table.columns
        for rows in self.table.read_shard([*names, *([REASON] if judged else [])], shard):
            places = pa.array(np.arange(rows.first, rows.first + rows.batch.num_rows, dtype=np.uint32))
            batch = rows.batch
            if judged:
                kept = pc.is_null(batch.column(REASON))
                batch, places = batch.filter(kept), places.filter(kept)
            yield Kept(places, batch.select(list(names)))

    def each_shard(self, work: Callable[[int], T], progress: Progress) -> list[T]:
        """What `work` gives for each shard, in their order; done by as many threads as there are cores."""
        shards, stop, done = range(len(self.table.shards)), Event(), 0

        def one(shard: int) -> T:
            if stop.is_set():
                raise _StoppedError
            return work(shard)

        found = []
        with ThreadPoolExecutor(min(cpu_count() or 1, _MOST_THREADS), "dspipe-recall") as pool:
            futures = [pool.submit(one, shard) for shard in shards]
            try:
                for shard, future in zip(shards, futures, strict=True):
                    found.append(future.result())
                    done += self.table.shards[shard].rows
                    progress(done, self.table.documents)
            except BaseException:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return found

    def draw(
        self, wanted: int, seed: int, use: str, chosen: Decisions | None, decision: int, progress: Progress
    ) -> "Drawn":
        """`wanted` kept documents by the hash of their origin, of those of which `chosen` says `decision` (None: of
        all); fewer where there are no more."""

        def least(shard: int) -> tuple[pa.Array, pa.Array, int]:
            hashes, rows, there = [np.empty(0, np.uint64)], [np.empty(0, np.uint32)], 0
            for kept in self.read(["origin", *([] if chosen is None else ["url"])], shard):
                found = seeded_hashes(kept.batch.column("origin"), seed, use)
                places = kept.rows.to_numpy()
                if chosen is not None:
                    mask = chosen.of(kept.batch.column("url")) == decision
                    found, places = found[mask], places[mask]
                there += len(found)
                hashes.append(found)
                rows.append(places)
            all_hashes, all_rows = np.concatenate(hashes), np.concatenate(rows)
            order = np.argsort(all_hashes, kind="stable")[:wanted]
            return all_hashes[order], all_rows[order], there

        parts = self.each_shard(least, progress)
        hashes = np.concatenate([part[0] for part in parts])
        shards = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
        rows = np.concatenate([part[1] for part in parts])
        order = np.argsort(hashes, kind="stable")[:wanted]
        return Drawn(shards[order], rows[order], sum(part[2] for part in parts))

    def documents(self, drawn: "Drawn") -> Iterator[pa.RecordBatch]:
        """The documents that have a text, as rank uint32 (the place in the draw), url and text, in the order of the
        run. Shards without any aren't read."""
        for shard in np.unique(drawn.shards).tolist():
            ranks = np.flatnonzero(drawn.shards == shard).astype(np.uint32)
            wanted = pa.array(drawn.rows[ranks])
            for kept in self.read(["url", "text"], shard):
                places = pc.index_in(kept.rows, value_set=wanted)
                there = pc.and_(
                    pc.is_valid(places), pc.greater(pc.fill_null(pc.binary_length(kept.batch.column("text")), 0), 0)
                )
                found = pa.array(ranks).take(places.filter(there))
                yield kept.batch.filter(there).add_column(0, "rank", found)


@dataclass(frozen=True)
class Drawn:
    """Documents that were drawn, the first ones first, and how many there were to draw from."""

    shards: npt.NDArray[np.int64]
    rows: npt.NDArray[np.uint32]
    of: int


class _StoppedError(Exception):
    """Another shard has failed, or the user wants to stop."""


def json_line(item: dict[str, Any]) -> bytes:
    """A line of training data."""
    return json.dumps(item, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def recalled(scores: npt.NDArray[np.float32], decided: Int8, threshold: float) -> npt.NDArray[np.bool_]:
    """Which pages are recalled: what a person took, and of what is open those with this score or more (NaN: none)."""
    mask: npt.NDArray[np.bool_] = (decided == TAKEN) | ((decided == OPEN) & (scores >= np.float32(threshold)))
    return mask
