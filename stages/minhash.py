"""Near-duplicate removal by MinHash, across the whole corpus or within each dump.

    minhash: {shingle: 5, bands: 14, rows: 8, keep: [quality, oldest]}
    minhash: {threshold: 0.8, permutations: 256, scope: per_dump}

Documents are compared by the Jaccard similarity of their sets of shingles, as their signatures estimate it
(`kernels.minhash`). All that is remembered between phases goes through exchanges keyed by hashes:

    bands        shards -> partitions   the keys of each document's bands: 12 bytes each
    candidates   partitions -> shards   documents that share a key, each paired with the key's first two
    pairs        shards -> partitions   the signatures of both sides, by representative
    compare      partitions -> one      pairs whose signatures agree in `threshold` of their places
    components   one -> shards          connected components of these pairs
    members      shards -> partitions   signature and order of every document of a component; those of a batch whose
                                        signatures are equal go as one, they would all meet the same fate
    keepers      partitions -> shards   best copy first, a document is dropped when it resembles a copy already kept
                                        and kept where it resembles none: see `kernels.near_pairs.leaders`
    verdicts     shards                 row columns
    report       once                   tables and alarms

So a document is dropped only if it is itself like the copy kept in its place; that a chain connects them is not enough.
The verdicts depend on the documents and the settings alone, not on partitions, workers or the order of arrival.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from pipeline.stage import ConfigError, Corpus, Phase, Settings
from stages.dedup.keep import KeepConfig
from stages.dedup.verdicts import DedupStage

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.task import Task

BYTES_PER_DOCUMENT = 1000
"""stored bytes per document that partitions are planned by: fewer than any crawl has"""
WEIGHTS = (0.1, 0.9)
"""what datasketch weighs false positives and false negatives of the bands with: a candidate too many costs one
comparison of signatures, one too few is a duplicate that stays"""
HOT = 1000
"""documents sent with one band key from which on the key is counted as hot"""
HOT_IN_WINDOW = 16
"""of a key shared by more documents than this in a window of a shard, the others are paired within the window and not
sent: what a partition receives of one key is bounded, and a page that is everywhere overwhelms no worker"""


class Config(KeepConfig):
    """Settings of `minhash`."""

    shingle: Annotated[int, Field(ge=1, le=64)] = 5
    """Units (words, or characters of scripts without spaces) in a shingle."""
    bands: Annotated[int, Field(ge=1, le=1024)] | None = None
    rows: Annotated[int, Field(ge=1, le=64)] | None = None
    """Bands and rows of a band: documents of similarity s become candidates with probability 1 - (1 - s^rows)^bands.
    Default 14 and 8 (FineWeb, Penedo et al. 2024), or with `threshold` those that datasketch finds best for it."""
    threshold: Annotated[float, Field(gt=0, le=1)] | None = None
    """Least similarity of a document to its kept copy. Default: where the curve of the bands is steepest,
    (1 / bands)^(1 / rows), 0.72 for 14 and 8."""
    permutations: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Length of signatures: their similarity has a standard error of sqrt(s (1 - s) / permutations). Default:
    bands * rows, or 128 with a threshold alone."""
    scope: Literal["global", "per_dump"] = "global"
    """Whether documents of different dumps are compared."""
    min_cluster: Annotated[int, Field(ge=2)] = 2
    """Clusters with fewer documents are left alone."""


class Minhash(DedupStage[Config]):
    """Keeps one document of each set of near-duplicates."""

    Config = Config

    @property
    def permutations(self) -> int:
        """The length of signatures."""
        if self.config.permutations is not None:
            return self.config.permutations
        return self.config.bands * self.config.rows if self.config.bands and self.config.rows else self._default()

    def _default(self) -> int:
        return 14 * 8 if self.config.threshold is None else 128

    @property
    def banding(self) -> tuple[int, int]:
        """(bands, rows)."""
        if self.config.bands is not None and self.config.rows is not None:
            return self.config.bands, self.config.rows
        if self.config.threshold is None:
            return 14, 8
        from datasketch import MinHashLSH

        lsh = MinHashLSH(threshold=self.config.threshold, num_perm=self.permutations, weights=WEIGHTS)
        return lsh.b, lsh.r

    @property
    def threshold(self) -> float:
        """The least similarity of a document to its kept copy."""
        bands, rows = self.banding
        return (1 / bands) ** (1 / rows) if self.config.threshold is None else self.config.threshold

    @property
    def least(self) -> int:
        """How many places of two signatures must agree."""
        import math

        return max(1, math.ceil(self.threshold * self.permutations - 1e-9))

    def check(self) -> None:
        super().check()
        if (self.config.bands is None) != (self.config.rows is None):
            missing = "rows" if self.config.rows is None else "bands"
            raise ConfigError("`bands` and `rows` go together", (missing,))
        if self.permutations < 2 and self.config.threshold is not None and self.config.bands is None:
            raise ConfigError("a threshold alone needs at least 2 permutations", ("permutations",))
        bands, rows = self.banding
        if bands * rows > self.permutations:
            message = f"{bands} bands of {rows} rows need {bands * rows} permutations, there are {self.permutations}"
            raise ConfigError(message, ("permutations",))

    def measured(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        return (pa.field(f"{self.name}.signature", pa.binary(4 * self.permutations)),)

    def text_settings(self) -> Settings:
        return {"shingle": self.config.shingle, "permutations": self.permutations}

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import pyarrow as pa
        import pyarrow.compute as pc

        from kernels.arrow import text_buffers
        from kernels.minhash import signatures
        from stages.dedup.signatures import signature_column

        signed, units = signatures(*text_buffers(batch.column("text")), self.config.shingle, self.permutations)
        column = signature_column(signed)
        column = pc.if_else(pa.array(units == 0), pa.scalar(None, column.type), column)
        return batch.append_column(f"{self.name}.signature", column)

    def warm(self) -> None:
        import numpy as np

        from kernels.components import components
        from kernels.minhash import band_keys
        from kernels.near_pairs import agreements, candidate_pairs, hot_in_window, leaders

        signed = np.zeros((3, self.permutations), np.uint32)
        keys, rows = band_keys(signed, *self.banding), np.arange(3, dtype=np.uint32)
        hot_in_window(keys, rows, 2)
        members, representatives, _ = candidate_pairs(keys[:, 0].copy(), rows.astype(np.uint64), HOT)
        components(members, representatives)
        signed.flags.writeable = False  # as a partition's signatures are
        order = np.arange(3)
        agreements(signed, order, order)
        leaders(signed, order, np.array([0, 3]), self.least)

    def phases(self, corpus: Corpus) -> list[Phase]:
        from stages.dedup.records import partitions_for

        bands, rows = self.banding
        signature = f"{self.name}.signature"
        by_key = partitions_for(corpus, 40 * bands / BYTES_PER_DOCUMENT)
        by_document = partitions_for(corpus, (4 * self.permutations + 64) / BYTES_PER_DOCUMENT)
        banding = {"bands": bands, "rows": rows, "scope": self.config.scope}
        keeping = self.config.model_dump(mode="json", include={"keep", "sources"})
        choosing = keeping | {"least": self.least, "min_cluster": self.config.min_cluster}
        scoped = ("dump",) if self.config.scope == "per_dump" else ()
        wanted = tuple(dict.fromkeys([signature, "dump", "reason", *self.policy.columns()]))
        return [
            self._phase("bands", "shards", columns=(signature, "reason", *scoped), emits="keys", partitions=by_key,
                        settings=banding),
            self._phase("candidates", "partitions", exchange="keys", emits="candidates"),
            self._phase("pairs", "shards", columns=(signature, "reason", *scoped), exchange="candidates", emits="pairs",
                        partitions=by_document, settings=banding),
            self._phase("compare", "partitions", exchange="pairs", emits="edges", partitions=1,
                        settings={"least": self.least}),
            self._phase("components", "partitions", exchange="edges", emits="labels"),
            self._phase("members", "shards", columns=wanted, exchange="labels", emits="members",
                        partitions=by_document, settings=keeping),
            self._phase("keepers", "partitions", exchange="members", emits="sent_back", settings=choosing),
            *self.closing_phases(self.name, f"{self.name}.sent_back", "verdicts", "report"),
        ]  # fmt: skip

    def _phase(self, method: str, over: Literal["shards", "partitions"], **given: Any) -> Phase:
        for key in ("exchange", "emits"):
            if key in given:
                given[key] = f"{self.name}.{given[key]}"
        return Phase(f"{self.name}.{method}", over, method, **given)

    def bands(self, task: "Task") -> None:
        """Send the band keys of every document that is still kept and has a signature; of a hot key the first few."""
        import numpy as np

        from kernels.near_pairs import hot_in_window
        from stages.dedup.records import record_batch, spread
        from stages.dedup.signatures import windows

        for rows, keys, _ in windows(task, f"{self.name}.signature", self.banding, self.config.scope == "per_dump"):
            sent, members, _ = hot_in_window(keys, rows, HOT_IN_WINDOW)
            records = record_batch({"key": keys[sent], "row": np.repeat(rows, keys.shape[1]).reshape(keys.shape)[sent]})
            task.emit(spread(keys[sent], task.spec.partitions), records)
            task.count("keys kept from the exchange", keys.size - len(records))
            task.count("pairs of hot keys", len(members))
            task.progress(documents=len(rows), bytes=0)

    def candidates(self, task: "Task") -> None:
        """Pair documents that share a key."""
        import numpy as np

        from kernels.near_pairs import candidate_pairs
        from stages.dedup.records import key_slices, record_batch
        from stages.dedup.signatures import unique_pairs

        for keys, documents in key_slices(task):
            members, representatives, hot = candidate_pairs(keys, documents, HOT)
            # a representative is asked for its signature too
            once = np.unique(representatives)
            members, representatives = unique_pairs(
                np.concatenate([members, once]), np.concatenate([representatives, once])
            )
            shards = (members >> np.uint64(32)).astype(np.int64)
            rows = (members & np.uint64(0xFFFFFFFF)).astype(np.uint32)
            task.emit(shards, record_batch({"row": rows, "representative": representatives}))
            task.count("keys", len(keys))
            task.count("pairs", len(members) - len(once))
            task.count("hot keys", hot)

    def pairs(self, task: "Task") -> None:
        """Send the signatures that are asked for to their representatives' partitions."""
        import numpy as np
        import pyarrow as pa

        from kernels.near_pairs import hot_in_window
        from stages.dedup.records import mixed, spread
        from stages.dedup.signatures import signature_column, unique_pairs, windows

        empty = pa.array([], pa.uint32())
        batches = [batch for _, batch in task.received()]
        asked = pa.Table.from_batches(batches) if batches else pa.table({"row": empty, "representative": empty})
        order = np.argsort(asked.column("row").to_numpy(), kind="stable")
        asked_rows, asked_for = (asked.column(name).to_numpy()[order] for name in ("row", "representative"))
        shard = np.uint64((task.shard or 0) << 32)
        for rows, keys, signed in windows(
            task, f"{self.name}.signature", self.banding, self.config.scope == "per_dump"
        ):
            _, hot, hot_for = hot_in_window(keys, rows, HOT_IN_WINDOW)
            start, end = np.searchsorted(asked_rows, [rows[0], rows[-1] + np.uint32(1)])
            once = np.unique(hot_for)
            members, representatives = unique_pairs(
                np.concatenate([asked_rows[start:end], hot, once]),
                np.concatenate(
                    [asked_for[start:end], shard | hot_for.astype(np.uint64), shard | once.astype(np.uint64)]
                ),
            )
            records = pa.RecordBatch.from_arrays(
                [
                    pa.array(members.astype(np.uint32)),
                    pa.array(representatives),
                    signature_column(signed[np.searchsorted(rows, members)]),
                ],
                names=["row", "representative", "signature"],
            )
            task.emit(spread(mixed(representatives), task.spec.partitions), records)

    def compare(self, task: "Task") -> None:
        """Send on the pairs whose signatures agree."""
        import numpy as np

        from kernels.near_pairs import agreements
        from stages.dedup.records import received, record_batch

        for records in received(task, "representative", "signature"):
            representatives = records.numbers("representative")
            own = np.flatnonzero(representatives == records.documents)
            own = own[np.argsort(representatives[own])]
            pairs = np.flatnonzero(representatives != records.documents)
            right = own[np.searchsorted(representatives[own], representatives[pairs])]
            alike = agreements(records.signed, pairs, right) >= self.least
            task.count("compared", len(pairs))
            task.count("alike", int(alike.sum()))
            pairs = pairs[alike]
            edges = {"document": records.documents[pairs], "representative": representatives[pairs]}
            task.emit(np.zeros(len(pairs), np.int64), record_batch(edges))

    def components(self, task: "Task") -> None:
        """Label every document of a pair with the smallest document of its connected component."""
        import numpy as np

        from stages.dedup.components import connected_components
        from stages.dedup.records import record_batch

        edges = (
            (batch.column("document").to_numpy(), batch.column("representative").to_numpy())
            for _, batch in task.received()
        )
        for nodes, roots in connected_components(edges, task.memory // 2):
            shards = (nodes >> np.uint64(32)).astype(np.int64)
            rows = (nodes & np.uint64(0xFFFFFFFF)).astype(np.uint32)
            task.emit(shards, record_batch({"row": rows, "component": roots}))
            task.count("documents", len(nodes))
            task.count("components", int((nodes == roots).sum()))

    def members(self, task: "Task") -> None:
        """Send every document of a component, with what decides whether it is kept, to the component's partition."""
        import numpy as np
        import pyarrow as pa

        from kernels.minhash import band_keys
        from stages.dedup.records import combined, mixed, record_batch, spread
        from stages.dedup.signatures import stored_signatures

        labels = [batch for _, batch in task.received()]
        if not labels:
            return
        table = pa.Table.from_batches(labels).sort_by("row")
        rows, components = table.column("row").to_numpy(), table.column("component").to_numpy()
        signature = f"{self.name}.signature"
        first = 0
        for batch in task.rows(list(dict.fromkeys([signature, "dump", *self.policy.columns()]))):
            start, end = np.searchsorted(rows, [first, first + batch.num_rows])
            chosen = batch.take(pa.array(rows[start:end].astype(np.int64) - first))
            signed, _ = stored_signatures(chosen.column(signature))
            component, orders = components[start:end], self.policy.order(chosen)
            same = band_keys(signed, 1, signed.shape[1])[:, 0]
            best, columns = combined(self.policy, [component, same], orders, rows[start:end])
            values = {"component": component, **orders}
            columns |= {name: array[best] for name, array in values.items()}
            columns |= {name: chosen.column(name).take(pa.array(best)) for name in ("dump", signature)}
            columns["signature"] = columns.pop(signature)
            task.emit(spread(mixed(component[best]), task.spec.partitions), record_batch(columns))
            first += batch.num_rows

    def keepers(self, task: "Task") -> None:
        """Choose the kept copies of each component, and compare every other document with them."""
        import numpy as np

        from kernels.near_pairs import LEADERS, leaders
        from stages.dedup.records import received
        from stages.dedup.verdicts import send_verdicts

        for records in received(task, "component", "signature"):
            components = records.numbers("component")
            orders = [records.numbers(name) for name in self.policy.order_names]
            order = self.policy.sort([components], orders, records.documents)
            sizes = np.diff(np.flatnonzero(np.concatenate([[1], np.diff(components[order]), [1]])))
            starts = np.cumsum(sizes) - sizes
            large = np.add.reduceat(records.weights[order], starts) >= self.config.min_cluster
            order, sizes = order[np.repeat(large, sizes)], sizes[large]
            groups = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
            keepers, equal = leaders(records.signed, order, groups, self.least)
            kept = keepers[order] == order
            copies = np.add.reduceat(kept, groups[:-1]) if len(sizes) else sizes
            task.count("kept of chains", int((copies - 1).sum()))
            task.count("components with too many kept", int((copies > LEADERS).sum()))
            send_verdicts(task, records, order, groups, keepers, (equal / self.permutations).astype(np.float32))

    def verdicts(self, task: "Task") -> None:
        """Drop documents that resemble a kept copy."""
        self.write_verdicts(task, self.name, f"{self.name}.near_duplicate")

    def report(self, task: "Task") -> None:
        """Tables and alarms."""
        self.write_report(task, self.name)
