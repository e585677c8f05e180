"""The end that all deduplication stages share: verdicts back in the shards, and what the statistics say about them.

Per round of a stage, under a prefix that is the stage's name or begins with it:

    <prefix>.keeper         uint64   of a document that was dropped: the number of its kept copy (shard << 32 | row)
    <prefix>.cluster        uint64   of every document of a cluster: the number of the cluster's oldest document
    <prefix>.cluster_size   uint32   how many documents the cluster has, kept ones among them
    <prefix>.similarity     float32  of a document that was dropped: to its kept copy, as the stage measures it
    <prefix>.duplicates     uint32   of a kept copy: how many documents were dropped for it
    <prefix>.dumps          list     of a kept copy: the dumps that it and those documents come from, at most DUMPS
"""

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.stage import GlobalStage, Phase
from stages.dedup.keep import KeepConfig, KeepPolicy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from pipeline.task import Task
    from stages.dedup.records import Received

DUMPS = 100
"""dumps listed with a kept copy"""
LARGEST = 100
"""clusters named in the statistics"""
ALARM_DOCUMENTS = 100
"""sources and hosts with fewer documents raise no alarm"""
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>\[[^\]/?#]*\]|[^/?#:]+)"
"""the host of an address (RFC 3986, 3.2.2), without user and port"""
_SENT = 1 << 16
"""verdicts sent at a time, and at most one record's copies more"""
SHARD_HOSTS = 1000
"""hosts counted per shard: the largest by documents"""

ConfigT = TypeVar("ConfigT", bound=KeepConfig)


def verdict_fields(prefix: str) -> "tuple[pa.Field, ...]":
    """The row columns that a round writes."""
    import pyarrow as pa

    return (
        pa.field("reason", pa.string()),
        pa.field(f"{prefix}.keeper", pa.uint64()),
        pa.field(f"{prefix}.cluster", pa.uint64()),
        pa.field(f"{prefix}.cluster_size", pa.uint32()),
        pa.field(f"{prefix}.similarity", pa.float32()),
        pa.field(f"{prefix}.duplicates", pa.uint32()),
        pa.field(f"{prefix}.dumps", pa.list_(pa.string())),
    )


class DedupStage(GlobalStage[ConfigT]):
    """A global stage that keeps one copy of several. Its rounds end with `closing_phases`."""

    @property
    def policy(self) -> KeepPolicy:
        """The order in which copies are preferred."""
        return KeepPolicy(self.config)

    def check(self) -> None:
        KeepPolicy.check(self.config)

    def closing_phases(self, prefix: str, exchange: str, method: str, report: str) -> list[Phase]:
        """From the exchange of verdicts (see `send_verdicts`) to row columns and statistics."""
        return [
            Phase(
                f"{prefix}.verdicts",
                "shards",
                method,
                columns=("id", "url", "source", "dump", "reason"),
                exchange=exchange,
                writes=verdict_fields(prefix),
                makes=(f"{prefix}.tables",),
                settings={"prefix": prefix},
            ),
            Phase(
                f"{prefix}.report",
                "once",
                report,
                artifacts=(f"{prefix}.tables",),
                makes=(f"{prefix}.report",),
                settings={"alarm_share": self.config.alarm_share},
            ),
        ]

    def write_verdicts(self, task: "Task", prefix: str, reason: str) -> None:
        """Write the row columns of a round from the verdicts received; documents without one are kept."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        fields = verdict_fields(prefix)
        batches = [batch for _, batch in task.received()]
        table = pa.Table.from_batches(batches).sort_by("row") if batches else None
        verdict_rows = table.column("row").to_numpy() if table is not None else np.empty(0, np.uint32)
        tables = Tables()
        first = 0
        for batch in task.rows(["id", "url", "source", "dump", "reason"]):
            start, end = np.searchsorted(verdict_rows, [first, first + batch.num_rows])
            places = np.full(batch.num_rows, -1, np.int64)
            places[verdict_rows[start:end] - first] = np.arange(start, end)
            rows = pa.array(places, mask=places < 0)
            columns: dict[str, Any] = {}
            for field in fields[1:]:
                name = field.name.removeprefix(f"{prefix}.")
                columns[name] = pa.nulls(batch.num_rows, field.type)
                if table is not None:
                    columns[name] = table.column(name).take(rows).combine_chunks()
            dropped = pc.if_else(pc.is_valid(columns["keeper"]), reason, pa.scalar(None, pa.string()))
            documents = np.arange(first, first + batch.num_rows, dtype=np.uint64) | np.uint64((task.shard or 0) << 32)
            tables.add(batch, documents, pa.table(columns))
            first += batch.num_rows
            arrays = [pc.coalesce(batch.column("reason"), dropped), *columns.values()]
            task.write(pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields)))
            task.progress(documents=batch.num_rows, bytes=0)
        with task.make(f"{prefix}.tables") as file:
            file.write(tables.as_json())

    def write_report(self, task: "Task", prefix: str) -> None:
        """Sum the shards' tables into the notes of the statistics and one JSON artifact."""
        tables = Tables()
        for part in task.artifact(f"{prefix}.tables"):
            tables.merge(json.loads(part.read()))
        found = tables.report(self.config.alarm_share)
        for key, value in found.items():
            if value:
                task.note(key, value[:20] if key == "largest clusters" else value)
        with task.make(f"{prefix}.report") as file:
            file.write(json.dumps(found, ensure_ascii=False).encode())


def send_verdicts(
    task: "Task",
    received: "Received",
    order: "npt.NDArray[np.int64]",
    groups: "npt.NDArray[np.int64]",
    keepers: "npt.NDArray[np.int64]",
    similarity: "npt.NDArray[np.float32]",
) -> None:
    """Send each document of the clusters its verdict.

    Cluster g is order[groups[g]:groups[g + 1]], places among the received records (those of `combined`, with a column
    `dump`); keepers and similarity are given for each record: the place of its kept copy (its own when kept), and the
    likeness to it. The copies of a record share its verdict, or are dropped for it.
    """
    import numpy as np
    import pyarrow as pa

    if len(order) == 0:
        return
    weights = received.weights[order]
    sizes = np.add.reduceat(weights, groups[:-1])
    shard = received.documents[order] & ~np.uint64(0xFFFFFFFF)
    oldest = np.minimum.reduceat(shard | received.numbers("first")[order].astype(np.uint64), groups[:-1])
    cluster = np.repeat(np.arange(len(sizes)), np.diff(groups))
    counts = np.bincount(keepers[order], weights, len(received)).astype(np.int64) - 1
    copies = (keepers[order] == order) & (counts[order] > 0)
    dumps = _dumps(received, order, keepers, copies)
    best_rows, lists = received.numbers("row"), received.columns.column("copies").combine_chunks()
    ends = np.cumsum(weights)
    start = 0
    while start < len(order):
        end = max(start + 1, int(np.searchsorted(ends, ends[start] + _SENT)))
        # every record once for itself and once for each of its copies
        place = np.repeat(np.arange(start, end), weights[start:end])
        first = np.ones(len(place), bool)
        first[1:] = place[1:] != place[:-1]
        rows = np.empty(len(place), np.uint32)
        rows[first] = best_rows[order[start:end]]
        rows[~first] = lists.take(pa.array(order[start:end])).flatten().to_numpy()
        record = order[place]
        dropped = ~first | (keepers[record] != record)
        alike = np.where(keepers[record] != record, similarity[record], np.float32(1))
        copy = first & copies[place]
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array(rows),
                pa.array(received.documents[keepers[record]], mask=~dropped),
                pa.array(oldest[cluster[place]]),
                pa.array(sizes[cluster[place]].astype(np.uint32)),
                pa.array(alike, mask=~dropped),
                pa.array(counts[record].astype(np.uint32), mask=~copy),
                dumps.take(pa.array(place, mask=~copy)),
            ],
            names=["row", "keeper", "cluster", "cluster_size", "similarity", "duplicates", "dumps"],
        )
        task.emit((received.documents[record] >> np.uint64(32)).astype(np.int64), batch)
        start = end


def _dumps(
    received: "Received",
    order: "npt.NDArray[np.int64]",
    keepers: "npt.NDArray[np.int64]",
    copies: "npt.NDArray[np.bool_]",
) -> "pa.Array":
    """Per place of `order` the sorted dumps of a kept copy and its duplicates; null for other documents."""
    import numpy as np
    import pyarrow as pa

    encoded = received.columns.column("dump").combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    pairs = np.unique(np.stack([keepers[order], codes[order].astype(np.int64)]), axis=1)
    pairs = pairs[:, pairs[1] >= 0]
    rank = np.empty(len(names), np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    pairs = pairs[:, np.lexsort([rank[pairs[1]], pairs[0]])]
    starts = np.searchsorted(pairs[0], order)
    lengths = np.minimum(np.searchsorted(pairs[0], order, "right") - starts, DUMPS)
    lengths[~copies] = 0
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    places = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    values = pa.array(names, pa.string()).take(pa.array(pairs[1][places]))
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(~copies))


class Tables:
    """Sums of a round: documents that came in and were dropped by source, dump and host, and clusters by size."""

    def __init__(self) -> None:
        self.entered: dict[str, Counter[str]] = {"source": Counter(), "dump": Counter(), "host": Counter()}
        self.dropped: dict[str, Counter[str]] = {"source": Counter(), "dump": Counter(), "host": Counter()}
        self.sizes: Counter[int] = Counter()
        """clusters by the power of two that their size is at least"""
        self.largest: list[dict[str, Any]] = []

    def add(self, batch: "pa.RecordBatch", documents: "npt.NDArray[np.uint64]", verdicts: "pa.Table") -> None:
        """Count rows of a shard: their columns, numbers and verdicts (keeper, cluster, cluster_size)."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        entered, dropped = pc.is_null(batch.column("reason")), pc.is_valid(verdicts.column("keeper"))
        hosts = pc.utf8_lower(pc.struct_field(pc.extract_regex(batch.column("url"), _HOST), "host"))
        for name, values in (("source", batch.column("source")), ("dump", batch.column("dump")), ("host", hosts)):
            for chosen, sums in ((entered, self.entered[name]), (dropped, self.dropped[name])):
                for entry in pc.value_counts(values.filter(chosen).drop_null()).to_pylist():
                    sums[entry["values"]] += entry["counts"]
        # a cluster is counted where its oldest document is
        oldest = pc.fill_null(pc.equal(verdicts.column("cluster"), pa.array(documents)), False)
        rows = np.flatnonzero(oldest.to_numpy(zero_copy_only=False))
        sizes = verdicts.column("cluster_size").take(pa.array(rows)).to_pylist()
        for size in sizes:
            self.sizes[1 << (size.bit_length() - 1)] += 1
        largest = sorted(zip(sizes, rows.tolist(), strict=True), key=lambda item: (-item[0], item[1]))[:LARGEST]
        for size, row in largest:
            example = {name: batch.column(name)[row].as_py() for name in ("id", "url")}
            self.largest.append({"documents": size, **example})
        self._cut()

    def as_json(self) -> bytes:
        """What `merge` reads."""
        hosts = dict(sorted(self.entered["host"].items(), key=lambda item: (-item[1], item[0]))[:SHARD_HOSTS])
        value = {
            "entered": {**self.entered, "host": hosts},
            "dropped": {**self.dropped, "host": {host: self.dropped["host"][host] for host in hosts}},
            "sizes": self.sizes,
            "largest": self.largest,
        }
        return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()

    def merge(self, part: dict[str, Any]) -> None:
        """Add the sums of a shard."""
        for name in ("source", "dump", "host"):
            self.entered[name].update(part["entered"][name])
            self.dropped[name].update(part["dropped"][name])
        self.sizes.update({int(size): count for size, count in part["sizes"].items()})
        self.largest += part["largest"]
        self._cut()

    def report(self, alarm_share: float) -> dict[str, Any]:
        """Tables for the statistics: shares by source and dump, cluster sizes, the largest clusters, alarms."""
        alarms = [
            {"of": name, **{"name" if key == name else key: row[key] for key in row}}
            for name in ("source", "host")
            for row in self._shares(name)
            if row["documents"] >= ALARM_DOCUMENTS and row["share"] > alarm_share
        ]
        dumps, documents, dropped = [], 0, 0
        for row in sorted(self._shares("dump"), key=lambda row: str(row["dump"])):
            documents, dropped = documents + row["documents"], dropped + row["dropped"]
            dumps.append({**row, "dropped so far": dropped, "share so far": round(dropped / documents, 4)})
        return {
            "alarms": sorted(alarms, key=lambda row: (-row["share"], row["name"]))[:LARGEST],
            "by source": self._shares("source"),
            "by dump": dumps,
            "cluster sizes": [{"at least": size, "clusters": self.sizes[size]} for size in sorted(self.sizes)],
            "largest clusters": self.largest,
        }

    def _shares(self, name: str) -> list[dict[str, Any]]:
        rows = []
        for value, documents in sorted(self.entered[name].items()):
            dropped = self.dropped[name][value]
            rows.append(
                {name: value, "documents": documents, "dropped": dropped, "share": round(dropped / documents, 4)}
            )
        return rows

    def _cut(self) -> None:
        self.largest = sorted(self.largest, key=lambda row: (-row["documents"], row["id"]))[:LARGEST]
