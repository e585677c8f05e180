"""Near-duplicate removal by MinHash, across the whole corpus or within each dump.

    minhash: {shingle: 5, bands: 14, rows: 8, keep: [quality, oldest]}
    minhash: {threshold: 0.8, permutations: 256}
    minhash: {scope: per_dump, min_cluster: 100}                     across dumps only what is there a hundred times
    minhash: {against: [s3://bucket/runs/2024-10], index: true}      the next dump

Documents are compared by the Jaccard similarity of their sets of shingles, as their signatures estimate it
(`kernels.dedup.minhash`). All that is remembered between phases goes through exchanges keyed by hashes:

    bands        shards -> partitions   the keys of each document's bands: 12 bytes each
    candidates   partitions -> shards   documents that share a key, each paired with the key's first two
    pairs        shards -> partitions   the signatures of both sides, by representative
    compare      partitions -> one      pairs whose signatures agree in `threshold` of their places
    components   one -> shards          connected components of these pairs; of very many over partitions:
                                        `stages.minhash.components_by_partition`
    members      shards -> partitions   signature and order of every document of a component; those of a batch whose
                                        signatures are equal go as one, they would all meet the same fate
    keepers      partitions -> shards   best copy first, a document is dropped when it resembles a copy already kept
                                        and kept where it resembles none: see `kernels.dedup.near_pairs.leaders`
    verdicts     shards                 row columns
    report       once                   tables and alarms

    kept, index  shards -> partitions   with `index`: keys, signatures and ids of the kept documents, for later runs

With `against`, documents that resemble a kept document of an earlier run are dropped before all this; the others are
deduplicated among themselves. What an earlier run kept stays kept, so dump by dump, each against those before it, is
one definite result: `stages.minhash.against` has the phases.

So a document is dropped only if it is itself like the copy kept in its place; that a chain connects them is not enough.
The verdicts depend on the documents and the settings alone, not on partitions, workers or the order of arrival.
"""

from typing import TYPE_CHECKING, Any, Literal

from dspipe.pipeline.stage import Corpus, Phase, Settings
from dspipe.stages.minhash.settings import Banding, Config, banding_of
from dspipe.stages.shared.dedup.verdicts import DedupStage, rewritten_settings

if TYPE_CHECKING:
    import pyarrow as pa

    from dspipe.pipeline.tasks.task import Task
    from dspipe.stages.shared.dedup.kept_index import KeptIndex
    from dspipe.stages.shared.dedup.scope import Scope

KEY_BYTES = 40
"""memory of a band key in a partition, with its document and what grouping takes"""
RECORD_BYTES = 64
"""memory of what is sent of a document beside its signature"""
SPREAD_FROM = 64
"""partitions of edges from which on components aren't found by one task: 130 million documents with workers of 2 GiB,
whose edges take it three minutes and gigabytes of its disk"""


class Minhash(DedupStage[Config]):
    """Keeps one document of each set of near-duplicates."""

    Config = Config

    @property
    def banding(self) -> Banding:
        """Bands, rows, length of signatures and threshold."""
        return banding_of(self.config)

    @property
    def column(self) -> str:
        """The column with signatures."""
        return f"{self.name}.signature"

    @property
    def scope(self) -> "Scope":
        """Whether copies in different dumps count."""
        from dspipe.stages.shared.dedup.scope import Scope

        return Scope.of(self.config)

    def check(self) -> None:
        super().check()
        banding_of(self.config)
        self.earlier_indexes(self.name)

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        return (pa.field(self.column, pa.binary(4 * self.banding.permutations)),)

    def measure_settings(self) -> Settings:
        return {"shingle": self.config.shingle, "permutations": self.banding.permutations}

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import pyarrow as pa
        import pyarrow.compute as pc

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.dedup.minhash import signatures
        from dspipe.stages.minhash.signatures import signature_column

        signed, units = signatures(*text_buffers(batch.column("text")), self.config.shingle, self.banding.permutations)
        column = signature_column(signed)
        column = pc.if_else(pa.array(units == 0), pa.scalar(None, column.type), column)
        return batch.append_column(self.column, column)

    def index_settings(self, prefix: str) -> Settings:
        from dspipe.stages.minhash.compile import fingerprint

        banding = self.banding
        numbers = {"bands": banding.bands, "rows": banding.rows, "permutations": banding.permutations}
        return {"shingle": self.config.shingle, **numbers, "code": fingerprint(self.config.shingle, banding)}

    def compile_kernels(self) -> None:
        from dspipe.stages.minhash.compile import warm_kernels

        warm_kernels(self.banding)

    def phases(self, corpus: Corpus) -> list[Phase]:
        from dspipe.pipeline.storage.records import partitions_for
        from dspipe.stages.minhash.components_by_partition import BYTES_PER_EDGE

        banding = self.banding
        scope, rewritten = self.scope, corpus.rewritten_before(self.name)
        by_key = partitions_for(corpus, KEY_BYTES * banding.bands * (1 + (scope.per_dump and scope.across)))
        by_node = partitions_for(corpus, BYTES_PER_EDGE)
        by_node = by_node if by_node >= SPREAD_FROM else 1
        by_document = partitions_for(corpus, 4 * banding.permutations + RECORD_BYTES)
        cut = {"bands": banding.bands, "rows": banding.rows, "scope": [scope.per_dump, scope.across]}
        keeping = self.config.model_dump(mode="json", include={"keep", "sources"})
        choosing = keeping | {"least": banding.least, "min_cluster": scope.min_cluster}
        wanted = tuple(dict.fromkeys([self.column, "dump", "reason", *self.policy.columns()]))
        return [
            *self._earlier_phases(by_key, by_document, cut, rewritten),
            self._phase("bands", "shards", columns=(self.column, "reason", *scope.columns), emits="keys",
                        partitions=by_key, settings=cut),
            self._phase("candidates", "partitions", exchange="keys", emits="candidates"),
            self._phase("pairs", "shards", columns=(self.column, "reason", *scope.columns), exchange="candidates",
                        emits="pairs", partitions=by_document, settings=cut),
            self._phase("compare", "partitions", exchange="pairs", emits="edges", partitions=by_node,
                        settings={"least": banding.least}),
            *self._component_phases(by_node),
            self._phase("members", "shards", columns=wanted, exchange="labels", emits="members",
                        partitions=by_document, settings=keeping),
            self._phase("keepers", "partitions", exchange="members", emits="sent_back", settings=choosing),
            *self.closing_phases(self.name, f"{self.name}.sent_back", "verdicts", "report"),
            *(self._index_phases(by_key, cut, rewritten) if self.config.index else []),
        ]  # fmt: skip

    def _component_phases(self, by_node: int) -> list[Phase]:
        if by_node == 1:
            return [self._phase("components", "partitions", exchange="edges", emits="labels")]
        core = f"{self.name}.core"
        spread: dict[str, Any] = {"over": "partitions", "partitions": by_node}
        return [
            self._phase("hook", exchange="edges", emits="hooked", **spread),
            self._phase("hook_again", exchange="hooked", emits="both_ways", **spread),
            self._phase("trim", exchange="both_ways", emits="leaves", makes_artifacts=(core,), **spread),
            self._phase("core", "once", artifacts=(core,), emits="core_labels", partitions=by_node),
            self._phase(
                "label", "partitions", exchange="leaves", also_receives=(f"{self.name}.core_labels",), emits="labels"
            ),
        ]

    def _earlier_phases(self, by_key: int, by_document: int, cut: Settings, rewritten: list[list[Any]]) -> list[Phase]:
        indexes = self.earlier_indexes(self.name, rewritten)
        if not indexes:
            return []
        from dspipe.stages.shared.dedup.against import earlier_phase

        against = {"against": [index.identity for index in indexes]}
        kept_shards = sum(len(index.shards) for index in indexes)
        reading = (self.column, "reason")
        return [
            self._phase("ask_keys", "shards", columns=reading, emits="asked_keys", partitions=by_key, settings=cut),
            self._phase("known", "partitions", exchange="asked_keys", emits="known", settings=against),
            self._phase("ask_documents", "shards", columns=reading, exchange="known", emits="questions",
                        partitions=min(kept_shards, by_document), settings={**cut, **against}),
            self._phase("matches", "partitions", exchange="questions", emits="matches",
                        settings={"least": self.banding.least, **against}),
            earlier_phase(self.name, f"{self.name}.matches", "earlier", indexes),
        ]  # fmt: skip

    def _index_phases(self, by_key: int, cut: Settings, rewritten: list[list[Any]]) -> list[Phase]:
        return [
            self._phase("kept", "shards", columns=(self.column, "id", "reason"), emits="kept_keys", partitions=by_key,
                        makes_artifacts=(f"{self.name}.kept",), settings=cut),
            self._phase("index", "partitions", exchange="kept_keys", makes_artifacts=(f"{self.name}.index",),
                        settings={**self.index_settings(self.name), **rewritten_settings(rewritten)}),
        ]  # fmt: skip

    def _phase(self, method: str, over: Literal["shards", "partitions", "once"], **given: Any) -> Phase:
        for key in ("exchange", "emits"):
            if key in given:
                given[key] = f"{self.name}.{given[key]}"
        return Phase(f"{self.name}.{method}", over, method, **given)

    def _indexes(self) -> "list[KeptIndex]":
        return self.earlier_indexes(self.name)

    def ask_keys(self, task: "Task") -> None:
        """Ask for the kept documents of earlier runs that share a key."""
        from dspipe.stages.minhash.against import ask_keys

        ask_keys(task, self.column, self.banding)

    def known(self, task: "Task") -> None:
        """Answer with them."""
        from dspipe.stages.minhash.against import answer_keys

        answer_keys(task, self._indexes())

    def ask_documents(self, task: "Task") -> None:
        """Send the signatures that are to be compared with theirs."""
        from dspipe.stages.minhash.against import ask_documents

        ask_documents(task, self.column, self.banding, self._indexes())

    def matches(self, task: "Task") -> None:
        """Compare."""
        from dspipe.stages.minhash.against import answer_documents

        answer_documents(task, self.banding, self._indexes())

    def earlier(self, task: "Task") -> None:
        """Drop documents that resemble what an earlier run has kept."""
        from dspipe.stages.shared.dedup.against import write_earlier

        write_earlier(task, self.name, f"{self.name}.in_earlier_run", self._indexes())

    def bands(self, task: "Task") -> None:
        """Send the band keys of every document that is still kept and has a signature; of a hot key the first few."""
        from dspipe.stages.minhash.candidates import send_keys

        send_keys(task, self.column, self.banding, self.scope)

    def candidates(self, task: "Task") -> None:
        """Pair documents that share a key."""
        from dspipe.stages.minhash.candidates import pair_by_key

        pair_by_key(task)

    def pairs(self, task: "Task") -> None:
        """Send the signatures that are asked for to their representatives' partitions."""
        from dspipe.stages.minhash.candidates import send_pairs

        send_pairs(task, self.column, self.banding, self.scope)

    def compare(self, task: "Task") -> None:
        """Send on the pairs whose signatures agree."""
        from dspipe.stages.minhash.candidates import compare_pairs

        compare_pairs(task, self.banding.least)

    def components(self, task: "Task") -> None:
        """Label every document of a pair with the smallest document of its connected component."""
        from dspipe.stages.minhash.clusters import label_components

        label_components(task)

    def hook(self, task: "Task") -> None:
        """Tie documents to the smallest that they are paired with."""
        from dspipe.stages.minhash.components_by_partition import hook

        hook(task, both=False)

    def hook_again(self, task: "Task") -> None:
        """The same once more."""
        from dspipe.stages.minhash.components_by_partition import hook

        hook(task, both=True)

    def trim(self, task: "Task") -> None:
        """Leave documents that are paired with one other to that, and the other pairs to the core."""
        from dspipe.stages.minhash.components_by_partition import trim

        trim(task, f"{self.name}.core")

    def core(self, task: "Task") -> None:
        """Connected components of the core."""
        from dspipe.stages.minhash.components_by_partition import label_core

        label_core(task, f"{self.name}.core")

    def label(self, task: "Task") -> None:
        """Label every document of a pair with the smallest document of its connected component."""
        from dspipe.stages.minhash.components_by_partition import label

        label(task, f"{self.name}.core_labels")

    def members(self, task: "Task") -> None:
        """Send every document of a component, with what decides whether it is kept, to the component's partition."""
        from dspipe.stages.minhash.clusters import send_members

        send_members(task, self.column, self.policy)

    def keepers(self, task: "Task") -> None:
        """Choose the kept copies of each component, and compare every other document with them."""
        from dspipe.stages.minhash.clusters import choose_keepers

        choose_keepers(task, self.policy, self.banding, self.scope)

    def verdicts(self, task: "Task") -> None:
        """Drop documents that resemble a kept copy."""
        self.write_verdicts(task, self.name, f"{self.name}.near_duplicate")

    def report(self, task: "Task") -> None:
        """Tables and alarms."""
        self.write_report(task, self.name)

    def kept(self, task: "Task") -> None:
        """Send the keys of what is kept."""
        from dspipe.stages.minhash.against import send_kept

        send_kept(task, self.column, f"{self.name}.kept", self.banding)

    def index(self, task: "Task") -> None:
        """Sort them."""
        from dspipe.stages.shared.dedup.kept_index import write_index

        write_index(task, f"{self.name}.index", dict(task.settings))
