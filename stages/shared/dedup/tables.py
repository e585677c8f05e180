"""Sums of a round for the statistics: what entered and was dropped, by source, dump and host, and clusters by size.

Each shard's task makes them from its verdicts, and the report merges them.
"""

import json
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.urls.hosts_of import hosts_of
from dspipe.pipeline.doc_id import UInt64

LARGEST = 100
"""clusters named in the statistics"""
SHARD_HOSTS = 1000
"""hosts counted per shard: the largest by documents"""


class Tables:
    """Sums of a round: documents that entered and were dropped by source, dump and host, and clusters by size."""

    def __init__(self) -> None:
        self.entered: dict[str, Counter[str]] = {"source": Counter(), "dump": Counter(), "host": Counter()}
        self.dropped: dict[str, Counter[str]] = {"source": Counter(), "dump": Counter(), "host": Counter()}
        self.sizes: Counter[int] = Counter()
        """clusters by the power of two that their size is at least"""
        self.largest: list[dict[str, Any]] = []

    def add(self, batch: pa.RecordBatch, documents: UInt64, verdicts: pa.Table) -> None:
        """Count rows of a shard: their columns, numbers and verdicts (keeper, cluster, cluster_size)."""
        entered, dropped = pc.is_null(batch.column("reason")), pc.is_valid(verdicts.column("keeper"))
        columns = {
            "source": batch.column("source"),
            "dump": batch.column("dump"),
            "host": hosts_of(batch.column("url")),
        }
        for name, values in columns.items():
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

    def merge_earlier(self, part: dict[str, Any]) -> None:
        """Add the sums of a shard in the round before: what it dropped entered there, and here no more."""
        for name in ("source", "dump", "host"):
            self.entered[name].update(part["dropped"][name])
            self.dropped[name].update(part["dropped"][name])

    def _cut(self) -> None:
        self.largest = sorted(self.largest, key=lambda row: (-row["documents"], row["id"]))[:LARGEST]
