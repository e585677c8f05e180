"""Lines removed that repeat across the pages of a host: menus, footers, notices that no list of phrases knows.

    - host_lines: {}

A line that stands on at least `min_pages` pages of a host, and on at least `share` of them, is removed from them all.
Lines are compared without regard to blanks (`kernels.dedup.text_hash`). What has no letter or digit is left alone, and
so is code, where `extract` stands before (its column `extract.code`): `else:` is on many pages of a host about Python.
Only pages that are still kept count, and only documents with an address have a host. Adds `host_lines.removed`
(uint32).

The stage sees all pages at once, so it rewrites texts after the text pass: stages behind it that measure texts
(statistics, languages, signatures) read them again.

Phases: each shard sends how many pages of a batch have a line, 24 bytes for each of a host's lines however many they
are, to the host's partition; a partition counts, in slices that fit its memory, and tells the batches which lines to
remove; each shard rewrites its text.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from dspipe.kernels.sorted_arrays import starts_run, unique_pairs
from dspipe.kernels.urls.hosts_of import hosts_of
from dspipe.pipeline.doc_id import UInt64, rows_of, shards_of
from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, StageConfig, StageSettings
from dspipe.pipeline.storage.partitions import partitions_for
from dspipe.pipeline.tasks.records import partition_of, read_partition, record_batch, slices_that_fit
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.line_hashes import (
    LINE_BYTES,
    SLICE_SHARE,
    find_worded_lines,
    hash64_with,
    hash_texts,
    read_batches,
    rewrite_phase,
    write_texts,
)

Positions = npt.NDArray[np.int64]

_PAGE = np.uint64(0)
"""instead of a line's key: for the pages of a host themselves, to count them"""
_MODULE = "dspipe.stages.host_lines"
_CODE = "extract.code"
_MERGED_HOSTS = 1 << 16
_FOUND = pa.schema({"row": pa.uint32(), "line": pa.uint64()})


class HostLinesConfig(StageConfig):
    """Settings of `host_lines`."""

    min_pages: int = Field(default=5, ge=2)
    """Pages of a host that have the line."""
    share: float = Field(default=0.3, gt=0, le=1)
    """Share of the host's pages that have the line."""


class HostLinesStage(GlobalStage[HostLinesConfig]):
    """Removes lines that repeat across the pages of a host."""

    Config = HostLinesConfig
    rewrites = True

    def compile_kernels(self) -> None:
        hash_texts(hosts_of(pa.array(["http://a"])))

    def phases(self, corpus: Corpus) -> list[Phase]:
        before = corpus.stages[: corpus.stages.index(self.name)]
        code = [_CODE] if "extract" in before else []
        return [
            Phase(
                f"{self.name}.send",
                "shards",
                f"{_MODULE}:send_lines",
                "Send the lines of each host's pages",
                settings={"code": code},
                columns=("text", "url", "reason", *code),
                emits=f"{self.name}.lines",
                partitions=partitions_for(corpus, LINE_BYTES),
            ),
            Phase(
                f"{self.name}.count",
                "partitions",
                f"{_MODULE}:count_lines",
                "Count on how many pages of its host each line stands",
                settings=self.config.model_dump(mode="json"),
                exchange=f"{self.name}.lines",
                emits=f"{self.name}.found",
            ),
            rewrite_phase(
                self.name,
                f"{_MODULE}:rewrite_texts",
                "Remove the lines that repeat on a host from its pages",
                {"code": code},
                ("url", "reason", *code),
            ),
        ]


class Lines(NamedTuple):
    """The lines of a batch's pages that count, each array of one value a line."""

    owner: Positions
    """the position of its page"""
    host: UInt64
    """hash of the page's host"""
    key: UInt64
    """hash of host and line"""
    position: Positions
    """among all lines of the batch"""


def send_lines(task: Task, stage: StageSettings) -> None:
    """Send how many pages of each batch have a line of their host, and how many pages of the host there are.
    Settings: code, the column with the hashes of code."""
    for first, batch in read_batches(task, ["text", "url", "reason", *stage.settings["code"]]):
        pages, hosts = _find_pages(batch)
        lines = _find_lines(pages, hosts, _split(batch), _code_of(batch))
        # each line once a page
        key, pages_with = np.unique(unique_pairs(lines.key, lines.owner)[0], return_counts=True)
        host_of_key = lines.host[np.unique(lines.key, return_index=True)[1]]
        host, pages_of_host = np.unique(hosts, return_counts=True)
        columns = {
            "host": np.concatenate([host, host_of_key]),
            "line": np.concatenate([np.full(len(host), _PAGE), key]),
            "row": np.full(len(host) + len(key), first, np.uint32),
            "pages": np.concatenate([pages_of_host, pages_with]).astype(np.uint32),
        }
        task.emit(partition_of(columns["host"], task.partitions), record_batch(columns))
        task.progress(documents=batch.num_rows, bytes=0)


def count_lines(task: Task, stage: StageSettings) -> None:
    """Find the lines that repeat, and tell the batches that have them. Settings: min_pages, share."""
    min_pages, share = stage.settings["min_pages"], stage.settings["share"]
    in_slices = slices_that_fit(task, share=SLICE_SHARE) > 1
    of_all = count_pages(batch for _, batch in task.received()) if in_slices else None
    for records in read_partition(task, "line", share=SLICE_SHARE):
        hosts, pages = of_all or count_pages(records.columns.to_batches())
        line, host, pages_with = (records.numbers(name) for name in ("line", "host", "pages"))
        order = np.argsort(line, kind="stable")
        order = order[np.searchsorted(line[order], _PAGE, "right") :]
        line, host, pages_with = line[order], host[order], pages_with[order].astype(np.int64)
        starts = np.flatnonzero(starts_run(line))
        totals = np.add.reduceat(pages_with, starts) if len(starts) else pages_with
        of_host = pages[np.searchsorted(hosts, host[starts])]
        repeats = (totals >= min_pages) & (totals >= share * of_host)
        chosen = np.repeat(repeats, np.diff(np.append(starts, len(line))))
        task.count("lines", int(repeats.sum()))
        batches = records.documents[order][chosen]
        task.emit(shards_of(batches), record_batch({"row": rows_of(batches), "line": line[chosen]}))


def rewrite_texts(task: Task, stage: StageSettings) -> None:
    """Remove the lines that repeat. Settings: code."""
    repeats = RecordsByRow(task, _FOUND)
    for first, batch in read_batches(task, ["text", "text_bytes", "url", "reason", *stage.settings["code"]]):
        found = repeats.between(first, first + 1).column("line").to_numpy()
        split = _split(batch)
        removed = np.zeros(len(split.flatten()), bool)
        if len(found):
            lines = _find_lines(*_find_pages(batch), split, _code_of(batch))
            removed[lines.position] = np.isin(lines.key, found)
        write_texts(task, stage.name, batch, split, removed)
        task.progress(documents=batch.num_rows, bytes=0)


def count_pages(batches: Iterable[pa.RecordBatch]) -> tuple[UInt64, Positions]:
    """How many pages each host has: (hashes of hosts, ascending, pages), from the records that `send_lines` sends."""
    hosts, pages = np.empty(0, np.uint64), np.empty(0, np.int64)
    waiting = [(hosts, pages)]
    for batch in batches:
        of_page = batch["line"].to_numpy() == _PAGE
        waiting.append((batch["host"].to_numpy()[of_page], batch["pages"].to_numpy()[of_page].astype(np.int64)))
        if sum(len(found) for found, _ in waiting) > max(_MERGED_HOSTS, 2 * len(waiting[0][0])):
            waiting = [_sum_by_host(waiting)]
    return _sum_by_host(waiting)


def _sum_by_host(counted: list[tuple[UInt64, Positions]]) -> tuple[UInt64, Positions]:
    hosts, pages = (np.concatenate(values) for values in zip(*counted, strict=True))
    unique, position = np.unique(hosts, return_inverse=True)
    return unique, np.bincount(position, pages, len(unique)).astype(np.int64)


def _split(batch: pa.RecordBatch) -> pa.ListArray:
    return pc.split_pattern(pc.fill_null(batch["text"].cast(pa.large_string()), ""), "\n")


def _find_pages(batch: pa.RecordBatch) -> tuple[Positions, UInt64]:
    """The pages that are still kept and have a host: (their positions in the batch, hashes of their hosts)."""
    hosts = hosts_of(batch["url"])
    counts = pc.and_(pc.and_(pc.is_null(batch["reason"]), pc.is_valid(batch["text"])), pc.is_valid(hosts))
    return pc.indices_nonzero(counts).to_numpy().astype(np.int64), hash_texts(hosts.filter(counts))


def _code_of(batch: pa.RecordBatch) -> UInt64:
    """The lines of code of a batch: the page's position in the upper half, the line's short hash in the lower one."""
    if _CODE not in batch.schema.names:
        return np.empty(0, np.uint64)
    code = batch[_CODE]
    return _in_page(pc.list_parent_indices(code).to_numpy(), pc.list_flatten(code).to_numpy())


def _in_page(page: npt.NDArray[np.integer], hashes: npt.NDArray[np.unsignedinteger]) -> UInt64:
    return page.astype(np.uint64) << np.uint64(32) | hashes.astype(np.uint32)


def _find_lines(pages: Positions, hosts: UInt64, split: pa.ListArray, code: UInt64) -> Lines:
    """The lines of these pages that aren't code; `split` are the lines of all the batch's pages."""
    owner, lines, position = find_worded_lines(split)
    host_of_row = np.zeros(len(split), np.uint64)
    host_of_row[pages] = hosts
    counts = np.zeros(len(split), bool)
    counts[pages] = True
    counts = counts[owner]
    owner, position = owner[counts], position[counts]
    hashes = hash_texts(lines.filter(pa.array(counts)))
    if len(code):
        counts = ~np.isin(_in_page(owner, hashes), code)
        owner, position, hashes = owner[counts], position[counts], hashes[counts]
    host = host_of_row[owner]
    return Lines(owner, host, hash64_with(host, hashes), position)
