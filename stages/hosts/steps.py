"""What the phases of `hosts` do."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.hashing import hash_strings
from dspipe.kernels.urls.hosts_of import hosts_of
from dspipe.pipeline.condition import Condition
from dspipe.pipeline.doc_id import UInt64
from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import partition_of, record_batch, slice_of, slices_that_fit
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.spill import received_slices
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.hosts.host_table import HOST, PAGES, PagesByHost, judged_table
from dspipe.stages.hosts.stage import DROPPED, condition_on_hosts
from dspipe.stages.shared.artifacts import read_json_artifacts

_LARGEST = 50
_GOES, _TOO_LARGE = 0, 1
_SURPLUS = pa.schema({"row": pa.uint32()})


def send_hosts(task: Task, stage: StageSettings) -> None:
    """Send pages by host and reason. Settings: mean."""
    mean = stage.settings["mean"]
    counted = PagesByHost(mean)
    for batch in task.rows(["url", "reason", *mean]):
        counted.add_pages(batch)
        task.progress(documents=batch.num_rows, bytes=0)
    for batch in counted.table().combine_chunks().to_batches():
        keys = _keys(batch.column(HOST))
        task.emit(partition_of(keys, task.partitions), batch.add_column(0, "key", pa.array(keys)))


def judge_hosts(task: Task, stage: StageSettings) -> None:
    """Add up a partition's hosts, write their table, and tell the shards which hosts go, and which are too large.
    Settings: drop, mean, max_pages."""
    condition, mean, most = condition_on_hosts(stage.settings), stage.settings["mean"], stage.settings["max_pages"]
    named = [name for name in (condition.columns if condition else ()) if name.startswith(DROPPED)]
    largest: list[dict[str, object]] = []
    slices = slices_that_fit(task, held=2)
    writer: pq.ParquetWriter | None = None
    with task.make(f"{stage.name}.table", ".parquet") as file:
        for part in received_slices(task, slices, lambda batch: slice_of(batch.column("key").to_numpy(), slices)):
            counted, senders = PagesByHost(mean), [_no_senders()]
            for sender, batch in part:
                counted.add(pa.Table.from_batches([batch.drop_columns(["key"])]))
                keys = np.unique(batch.column("key").to_numpy())
                senders.append(np.stack([keys, np.full(len(keys), sender, np.uint64)]))
            table = judged_table(counted.table(), mean, named).combine_chunks()
            rows = table.to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], table.schema)
            goes = hosts_that_go(rows, condition)
            large = np.zeros(len(rows), bool) if most is None else rows.column("kept").to_numpy() > most
            task.count("hosts", len(rows))
            task.count("hosts dropped", int(goes.sum()))
            task.count("hosts with too many pages", int((large & ~goes).sum()))
            table = table.append_column("goes", pa.array(goes))
            writer = writer or pq.ParquetWriter(file, table.schema, compression="zstd")
            writer.write_table(table)
            largest = _largest([*largest, *_shown(table)])
            _tell(task, rows, np.concatenate(senders, axis=1), goes, large)
        if writer is not None:
            writer.close()
    with task.make(f"{stage.name}.largest") as file:
        file.write(json.dumps(largest, ensure_ascii=False).encode())


def write_report(task: Task, stage: StageSettings) -> None:
    """Note the largest hosts."""
    largest: list[dict[str, object]] = []
    for _, part in read_json_artifacts(task, f"{stage.name}.largest"):
        largest = _largest([*largest, *part])
    if largest:
        task.note("largest hosts", largest)


def write_verdicts(task: Task, stage: StageSettings) -> None:
    """Drop the pages of hosts that go; send the kept pages of those that are too large."""
    found = [batch for _, batch in task.received()]
    keys, what = (_column(found, name) for name in ("key", "what"))
    goes, large = (np.sort(keys[what == kind]) for kind in (_GOES, _TOO_LARGE))
    first = 0
    for batch in task.rows(["url", "reason", "origin"] if task.spec.emits else ["url", "reason"]):
        hosts = hosts_of(batch.column("url"))
        kept = pc.and_(pc.is_null(batch.column("reason")), pc.is_valid(hosts)).to_numpy(zero_copy_only=False)
        of_host = _keys(pc.fill_null(hosts, ""))
        dropped = kept & _is_among(of_host, goes)
        if task.spec.emits:
            sent = np.flatnonzero(kept & _is_among(of_host, large))
            ranks = seeded_hashes(batch.column("origin"), task.seed, stage.name)[sent]
            columns = {"key": of_host[sent], "rank": ranks, "row": (first + sent).astype(np.uint32)}
            task.emit(partition_of(of_host[sent], task.partitions), record_batch(columns))
        first += batch.num_rows
        _write(task, batch.column("reason"), dropped, f"{stage.name}.dropped")


def find_surplus(task: Task, stage: StageSettings) -> None:
    """Tell the shards which pages of a large host stand behind its first `max_pages`. Settings: max_pages."""
    slices = slices_that_fit(task)
    for part in received_slices(task, slices, lambda batch: slice_of(batch.column("key").to_numpy(), slices)):
        records = [(sender, batch) for sender, batch in part]
        shards = np.concatenate([np.empty(0, np.int64), *(np.full(len(batch), sender) for sender, batch in records)])
        keys, ranks, rows = (_column([batch for _, batch in records], name) for name in ("key", "rank", "row"))
        order = np.lexsort((rows, shards, ranks, keys))
        surplus = beyond(keys[order], order, stage.settings["max_pages"])
        task.emit(shards[surplus], record_batch({"row": rows[surplus].astype(np.uint32)}))


def drop_surplus(task: Task, stage: StageSettings) -> None:
    """Drop the pages that are too many."""
    surplus, first = RecordsByRow(task, _SURPLUS), 0
    for batch in task.rows(["reason"]):
        rows = surplus.between(first, first + batch.num_rows).column("row").to_numpy()
        dropped = np.zeros(batch.num_rows, bool)
        dropped[rows.astype(np.int64) - first] = True
        first += batch.num_rows
        _write(task, batch.column("reason"), dropped, f"{stage.name}.too_many_pages")


def beyond(hosts: npt.NDArray[Any], order: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    """Those of `order` that stand behind the first `most` of their host, ascending; `hosts` has the host of each, equal
    ones side by side."""
    begins = np.flatnonzero(np.append(True, hosts[1:] != hosts[:-1])) if len(hosts) else order
    place = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    surplus: npt.NDArray[np.int64] = np.sort(order[place >= most])
    return surplus


def _keys(hosts: pa.Array) -> UInt64:
    """64 bits for each host. Two of 1e8 hosts share them with a probability of 3e-4, and then a page may go for
    another host's sake."""
    keys: UInt64 = hash_strings(*text_buffers(hosts), np.uint64(0))
    return keys


def hosts_that_go(rows: pa.RecordBatch, condition: Condition | None) -> npt.NDArray[np.bool_]:
    """Of which rows of a `judged_table` the condition holds."""
    if condition is None:
        return np.zeros(len(rows), bool)
    goes: npt.NDArray[np.bool_] = condition.mask(rows.select(list(condition.columns))).to_numpy(zero_copy_only=False)
    return goes


def _tell(
    task: Task, rows: pa.RecordBatch, senders: UInt64, goes: npt.NDArray[np.bool_], large: npt.NDArray[np.bool_]
) -> None:
    """Send each host that goes or is too large to the shards that have pages of it; `senders` uint64[2, n]: hosts'
    keys, and shards that have sent them."""
    keys = _keys(rows.column(HOST))
    for kind, chosen in ((_GOES, goes), (_TOO_LARGE, large & ~goes)):
        concerned = senders[:, np.isin(senders[0], keys[chosen])]
        order = np.lexsort((concerned[0], concerned[1]))
        what = np.full(len(order), kind, np.uint8)
        task.emit(concerned[1][order].astype(np.int64), record_batch({"key": concerned[0][order], "what": what}))


def _no_senders() -> UInt64:
    return np.empty((2, 0), np.uint64)


def _column(batches: list[pa.RecordBatch], name: str) -> npt.NDArray[np.uint64]:
    return np.concatenate([np.empty(0, np.uint64), *(batch.column(name).to_numpy() for batch in batches)])


def _is_among(keys: UInt64, wanted: UInt64) -> npt.NDArray[np.bool_]:
    return np.isin(keys, wanted) if len(wanted) else np.zeros(len(keys), bool)


def _write(task: Task, reasons: pa.Array, dropped: npt.NDArray[np.bool_], reason: str) -> None:
    found = pc.if_else(pa.array(dropped), pa.scalar(reason), pa.scalar(None, pa.string()))
    task.write(record_batch({"reason": pc.coalesce(reasons.cast(pa.string()), found)}))


def _shown(table: pa.Table) -> list[dict[str, object]]:
    """The largest hosts of a table, as rows of the statistics."""
    few = table.sort_by([(PAGES, "descending"), (HOST, "ascending")]).slice(0, _LARGEST)
    shown = few.drop_columns(["reasons"]).to_pylist()
    for row, reasons in zip(shown, few.column("reasons").to_pylist(), strict=True):
        row["mostly for"] = reasons[0]["reason"] if reasons else None
    return [
        {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()} for row in shown
    ]


def _largest(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return sorted(rows, key=lambda row: (-int(str(row[PAGES])), str(row[HOST])))[:_LARGEST]
