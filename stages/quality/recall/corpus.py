"""The kept documents of a finished run, as a recall asks for them: shard by shard, a row group at a time."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from os import cpu_count
from threading import Event
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.doc_id import doc_ids, rows_of, shards_of
from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.errors import ConfigError, DamagedFileError, RunNotFoundError
from dspipe.pipeline.inspection.document_table import REASON, DocumentTable
from dspipe.pipeline.keys import key_of
from dspipe.pipeline.run.run_file import read_run
from dspipe.stages.quality.recall.decisions import OPEN, TAKEN, Decisions, Int8

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""called with documents that are done, and all of them"""
_MOST_THREADS = 64
_MOST_WAITING = 1 << 20
"""documents of shards that are drawn from before the first of them are chosen"""


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
        """Those of the run with this output. Raises ConfigError where it can't be recalled from."""
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
        try:
            known = corpus.table.columns
        except DamagedFileError as error:
            raise ConfigError(f"{error}; run the run's config again", ("run",)) from None
        for name in ("text", "url", "id", "origin"):
            if name not in known:
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

    def each_shard(self, work: Callable[[int], T], progress: Progress) -> Iterator[T]:
        """What `work` gives for each shard, in their order; done by as many threads as there are cores, a few shards
        ahead of what is taken."""
        threads, stop, done = min(cpu_count() or 1, _MOST_THREADS), Event(), 0
        waiting: deque[Future[T]] = deque()

        def one(shard: int) -> T:
            if stop.is_set():
                raise _StoppedError
            return work(shard)

        with ThreadPoolExecutor(threads, "dspipe-recall") as pool:
            try:
                for shard, place in enumerate(self.table.shards):
                    while len(waiting) < 2 * threads and shard + len(waiting) < len(self.table.shards):
                        waiting.append(pool.submit(one, shard + len(waiting)))
                    yield waiting.popleft().result()
                    done += place.rows
                    progress(done, self.table.documents)
            finally:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)

    def draw(
        self, wanted: int, seed: int, use: str, chosen: Decisions | None, decision: int, progress: Progress
    ) -> "Drawn":
        """`wanted` kept documents by the hash of their origin, of those of which `chosen` says `decision` (None: of
        all); fewer where there are no more."""

        def least(shard: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
            hashes, rows = [np.empty(0, np.uint64)], [np.empty(0, np.uint32)]
            for kept in self.read(["origin", *([] if chosen is None else ["url"])], shard):
                found = seeded_hashes(kept.batch.column("origin"), seed, use)
                places = kept.rows.to_numpy()
                if chosen is not None:
                    mask = chosen.of(kept.batch.column("url")) == decision
                    found, places = found[mask], places[mask]
                hashes.append(found)
                rows.append(places)
            order = np.argsort(np.concatenate(hashes), kind="stable")[:wanted]
            return np.concatenate(hashes)[order], np.concatenate(rows)[order]

        hashes, numbers = np.empty(0, np.uint64), np.empty(0, np.uint64)
        more: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]] = []
        for shard, (found, rows) in enumerate(self.each_shard(least, progress)):
            more.append((found, doc_ids(shard, rows)))
            if sum(len(part) for part, _ in more) > max(wanted, _MOST_WAITING):
                hashes, numbers = _first([(hashes, numbers), *more], wanted)
                more.clear()
        _, numbers = _first([(hashes, numbers), *more], wanted)
        return Drawn(shards_of(numbers).astype(np.int64), rows_of(numbers))

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
    """Documents that were drawn, the first ones first."""

    shards: npt.NDArray[np.int64]
    rows: npt.NDArray[np.uint32]


def _first(
    parts: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]], wanted: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Hashes and numbers of the documents with the lowest hashes."""
    hashes, numbers = (np.concatenate([part[which] for part in parts]) for which in (0, 1))
    order = np.argsort(hashes, kind="stable")[:wanted]
    return hashes[order], numbers[order]


class _StoppedError(Exception):
    """Another shard has failed, or the user wants to stop."""


def json_line(item: dict[str, Any]) -> bytes:
    """A line of training data."""
    return json.dumps(item, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def recalled(scores: npt.NDArray[np.float32], decided: Int8, threshold: float) -> npt.NDArray[np.bool_]:
    """Which pages are recalled: what a person took, and of what is open those with this score or more (NaN: none)."""
    mask: npt.NDArray[np.bool_] = (decided == TAKEN) | ((decided == OPEN) & (scores >= np.float32(threshold)))
    return mask
