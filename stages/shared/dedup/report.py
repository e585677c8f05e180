"""Sums of a round for the statistics: what came in and was dropped, by source, dump and host, and clusters by size."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

LARGEST = 100
"""clusters named in the statistics"""
ALARM_DOCUMENTS = 100
"""sources and hosts with fewer documents raise no alarm"""
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>\[[^\]/?#]*\]|[^/?#:]+)"
"""the host of an address (RFC 3986, 3.2.2), without user and port"""
SHARD_HOSTS = 1000
"""hosts counted per shard: the largest by documents"""


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

    def merge_earlier(self, part: dict[str, Any]) -> None:
        """Add the sums of a shard in the round before: what it dropped came in there, and here no more."""
        for name in ("source", "dump", "host"):
            self.entered[name].update(part["dropped"][name])
            self.dropped[name].update(part["dropped"][name])

    def report(self, alarm_share: float) -> dict[str, Any]:
        """Tables for the statistics: shares by source and dump, cluster sizes, the largest clusters, alarms."""
        alarms = [
            {"of": name, **{"name" if key == name else key: row[key] for key in row}}
            for name in ("source", "host")
            for row in self._shares(name)
            if row["documents"] >= ALARM_DOCUMENTS and row["share"] > alarm_share
        ]
        return {
            "alarms": sorted(alarms, key=lambda row: (-row["share"], row["name"]))[:LARGEST],
            "by source": self._shares("source"),
            "by dump": self._shares("dump"),
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


def shares_so_far(dumps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The table of DeepSeek LLM (2024, table 1): rows by dump, with the share removed from the first to this one."""
    rows, documents, dropped = [], 0, 0
    for row in dumps:
        documents, dropped = documents + row["documents"], dropped + row["dropped"]
        rows.append({**row, "dropped so far": dropped, "share so far": round(dropped / documents, 4)})
    return rows
