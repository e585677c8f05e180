"""Near-duplicate removal by MinHash, across the whole corpus or within each dump.

    minhash: {shingle: 5, bands: 14, rows: 8, keep: [quality, oldest]}
    minhash: {threshold: 0.8, permutations: 256}
    minhash: {scope: per_dump, min_cluster: 100}                     across dumps only what is there a hundred times
    minhash: {against: [s3://bucket/runs/2024-10], index: true}      the next dump
    minhash: {verify: exact, containment: 0.9}                       decided by the texts of what signatures propose

Documents are compared by the Jaccard similarity of their sets of shingles, as their signatures estimate it
(`kernels.dedup.minhash`). All that is remembered between phases goes through exchanges keyed by hashes:

    bands        shards -> partitions   the keys of each document's bands: 12 bytes each
    candidates   partitions -> shards   documents that share a key, each paired with the key's first two
    pairs        shards -> partitions   the signatures of both sides, by representative
    compare      partitions -> one      pairs whose signatures agree in `threshold` of their numbers
    components   one -> shards          connected components of these pairs; of very many by many partitions:
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

With `verify: exact` the signatures' agreement only proposes, and asks for less; `members` sends the sets of shingles in
place of signatures, from texts that it reads once more (`stages.minhash.exact_members`), and `keepers` compares these
(`kernels.dedup.exact_pairs`). With `containment` there are more keys, of narrower bands, and pairs are proposed too of
which one may be inside the other.

So a document is dropped only if it is itself like the copy kept in its place; that a chain connects them is not enough.
The verdicts depend on the documents and the settings alone, not on partitions, workers or the order of arrival.
"""

import functools
from collections.abc import Sequence
from typing import Any, Literal, Self

import pyarrow as pa

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.rejudging import NeedsRunError, Rejudged, RunDocuments
from dspipe.pipeline.stage import Corpus, Phase, Settings
from dspipe.pipeline.storage.partitions import partitions_for
from dspipe.stages.minhash.banding import CONTAINED_ROWS, DEVIATIONS, Banding, MinhashConfig, banding_of
from dspipe.stages.minhash.components_by_partition import EDGE_HELD
from dspipe.stages.minhash.signatures import signature_column_of
from dspipe.stages.shared.dedup.kept_index import KeptIndex
from dspipe.stages.shared.dedup.stage_base import DedupStage

KEY_BYTES = 40
"""memory of a band key in a partition, with its document and what grouping takes"""
RECORD_BYTES = 64
"""memory of what is sent of a document beside its signature"""
SETS_BYTES = 2048
"""memory of what is sent of a document beside, where texts decide: 8 bytes for each of a thousand shingles, of the
quarter of all documents at most that are proposed"""
_REPORTING = {"alarm_share", "index"}
"""settings that no verdict depends on"""
MANY_PARTITIONS = 64
"""partitions of edges from which on components aren't found by one task: 130 million documents with workers of 2 GiB,
whose edges take it three minutes and gigabytes of its disk"""


class MinhashStage(DedupStage[MinhashConfig]):
    """Keeps one document of each set of near-duplicates."""

    Config = MinhashConfig
    measure_run = "dspipe.stages.minhash.signatures:measure"

    @functools.cached_property
    def banding(self) -> Banding:
        """Bands, rows, length of signatures and threshold."""
        return banding_of(self.config)

    @property
    def exact(self) -> bool:
        """Whether texts decide, and signatures only propose."""
        return self.config.verify == "exact"

    @property
    def column(self) -> str:
        """The column with signatures."""
        return signature_column_of(self.name)

    def check(self) -> None:
        super().check()
        banding_of(self.config)
        if self.exact and self.config.margin:
            raise ConfigError("is for estimates, and `verify: exact` makes none: lower `threshold`", ("margin",))
        if self.config.containment is not None and not self.exact:
            raise ConfigError("is decided by the texts: set `verify: exact` too", ("containment",))
        if self.config.containment is not None and self.policy.keeps_none:
            message = "the larger of two documents is kept, and with `keep: none` neither is: leave one of them out"
            raise ConfigError(message, ("containment",))
        self.earlier_indexes(self.name)

    def measured_columns(self) -> tuple[pa.Field, ...]:
        return (pa.field(self.column, pa.binary(4 * self.banding.permutations)),)

    def measure_settings(self) -> Settings:
        return {**self._shingles, "permutations": self.banding.permutations}

    def index_settings(self, prefix: str) -> Settings:
        from dspipe.stages.minhash.compile_kernels import keys_fingerprint

        code = keys_fingerprint(self.config.shingle, self.config.symbols, self.banding)
        return {**self._shingles, **self._index_shape, "code": code}

    def compile_kernels(self) -> None:
        from dspipe.stages.minhash.compile_kernels import compile_exact_kernels, compile_kernels

        super().compile_kernels()
        compile_kernels(self.banding)
        if self.exact:
            compile_exact_kernels(self.banding, self.config.symbols)

    def rejudge(self, before: Self, documents: RunDocuments) -> Rejudged:
        from dspipe.stages.minhash.rejudge import rejudge

        ours, theirs = (stage.config.model_dump(mode="json", exclude=_REPORTING) for stage in (self, before))
        if changed := sorted(name for name in ours if ours[name] != theirs[name]):
            message = f"what another {', '.join(changed)} of {self.name} changes isn't in the columns"
            raise NeedsRunError(f"{message}: it needs a run, which decides anew without reading texts again")
        best_is_kept = self.config.containment is None and not self.policy.keeps_none
        return rejudge(self.name, self._reasons, self.policy, best_is_kept, documents)

    def phases(self, corpus: Corpus) -> list[Phase]:
        banding, scope, rewritten = self.banding, self.scope, corpus.rewritten_before(self.name)
        contained_bands = banding.permutations // CONTAINED_ROWS if self.config.containment else 0
        keys_of_document = (banding.bands + contained_bands) * (1 + (scope.per_dump and scope.across_dumps))
        by_key = partitions_for(corpus, KEY_BYTES * keys_of_document)
        by_document = partitions_for(corpus, 4 * banding.permutations + RECORD_BYTES)
        by_set = partitions_for(corpus, SETS_BYTES) if self.exact else by_document
        by_node = partitions_for(corpus, EDGE_HELD)
        indexes = self.earlier_indexes(self.name, rewritten)
        return [
            *(self._earlier_phases(indexes, by_key, by_document) if indexes else []),
            *self._pair_phases(by_key, by_document, by_node if by_node >= MANY_PARTITIONS else 1),
            *(self._component_phases(by_node) if by_node >= MANY_PARTITIONS else [self._components()]),
            *self._keeper_phases(by_set),
            *self.closing_phases(
                self.name,
                self._reasons[:2],
                f"Drop the documents that resemble {'another' if self.policy.keeps_none else 'a kept copy'}",
                indexes,
                f"{self.name}.sent_back",
            ),
            *(self._index_phases(by_key, rewritten) if self.config.index else []),
        ]

    def _pair_phases(self, by_key: int, by_document: int, by_node: int) -> list[Phase]:
        reads = (self.column, "reason", *(("dump",) if self.scope.per_dump else ()))
        return [
            self._phase("bands", "shards", "candidates:send_keys", "Send the band keys of each document",
                        settings=self._pair_keys, columns=reads, emits="keys", partitions=by_key),
            self._phase("candidates", "partitions", "candidates:pair_by_key", "Pair documents that share a band key",
                        exchange="keys", emits="candidates"),
            self._phase("pairs", "shards", "compare:send_signatures", "Send the signatures of paired documents",
                        settings=self._pair_keys, columns=reads, exchange="candidates", emits="pairs",
                        partitions=by_document),
            self._phase("compare", "partitions", "compare:compare_pairs", "Compare the signatures of each pair",
                        settings=self._proposal, exchange="pairs", emits="edges", partitions=by_node),
        ]  # fmt: skip

    def _components(self) -> Phase:
        return self._phase("components", "partitions", "labels:label_components",
                           "Find the connected components of all pairs", exchange="edges", emits="labels")  # fmt: skip

    def _component_phases(self, by_node: int) -> list[Phase]:
        module, core = "components_by_partition", f"{self.name}.core"
        return [
            self._phase("small_star", "partitions", f"{module}:tie_to_smallest",
                        "Tie documents to the smallest that they are paired with", settings={"both_ways": False},
                        exchange="edges", emits="tied", partitions=by_node),
            self._phase("small_star_again", "partitions", f"{module}:tie_to_smallest",
                        "Tie documents once more, and tell both sides", settings={"both_ways": True},
                        exchange="tied", emits="both_ways", partitions=by_node),
            self._phase("trim", "partitions", f"{module}:trim_leaves",
                        "Set documents apart that are paired with a single one",
                        exchange="both_ways", emits="leaves", partitions=by_node, makes_artifacts=(core,)),
            self._phase("core", "once", f"{module}:label_core", "Find the connected components of the other pairs",
                        artifacts=(core,), emits="core_labels", partitions=by_node),
            self._phase("label", "partitions", f"{module}:label_leaves", "Tell each document its component",
                        exchange="leaves", also_receives=(f"{self.name}.core_labels",), emits="labels"),
        ]  # fmt: skip

    def _keeper_phases(self, by_document: int) -> list[Phase]:
        if self.exact:
            return self._exact_keeper_phases(by_document)
        policy = self.policy
        reads = tuple(dict.fromkeys([self.column, "dump", "reason", *policy.columns()]))
        choosing = {**policy.settings, **self.scope_settings, **self._agreement}
        return [
            self._phase("members", "shards", "members:send_members", "Send the documents of each component together",
                        settings=policy.settings, columns=reads, exchange="labels", emits="members",
                        partitions=by_document),
            self._phase("keepers", "partitions", "keepers:choose_keepers", "Choose the copies to keep",
                        settings=choosing, exchange="members", emits="sent_back"),
        ]  # fmt: skip

    def _exact_keeper_phases(self, by_document: int) -> list[Phase]:
        policy = self.policy
        reads = tuple(dict.fromkeys(["text", "dump", *policy.columns()]))
        deciding = {"threshold": self.banding.threshold, "containment": self.config.containment}
        return [
            self._phase("members", "shards", "exact_members:send_sets",
                        "Read the texts of each component's documents, and send the sets of their shingles together",
                        settings={**policy.settings, **self._shingles}, columns=reads, exchange="labels",
                        emits="members", partitions=by_document),
            self._phase("keepers", "partitions", "exact_keepers:choose_keepers",
                        "Choose the copies to keep, by the similarity of these sets",
                        settings={**policy.settings, **self.scope_settings, **deciding}, exchange="members",
                        emits="sent_back"),
        ]  # fmt: skip

    def _earlier_phases(self, indexes: Sequence[KeptIndex], by_key: int, by_document: int) -> list[Phase]:
        against = {"against": [list(index.reference) for index in indexes]}
        kept_shards = sum(len(index.shards) for index in indexes)
        reads = (self.column, "reason")
        return [
            self._phase("lookup", "shards", "against:send_lookups", "Send the band keys to look up in earlier runs",
                        settings=self._keys, columns=reads, emits="lookups", partitions=by_key),
            self._phase("hits", "partitions", "against:send_hits", "Look up band keys in what earlier runs have kept",
                        settings=against, exchange="lookups", emits="hits"),
            self._phase("requests", "shards", "against:send_requests",
                        "Send the signatures of documents that share a key with kept ones",
                        settings={**self._keys, **against}, columns=reads, exchange="hits", emits="requests",
                        partitions=min(kept_shards, by_document)),
            self._phase("matches", "partitions", "against:send_matches",
                        "Compare signatures with those of kept documents",
                        settings={**self._agreement, **against}, exchange="requests", emits="matches"),
            self.earlier_phase(self.name, self._reasons[2], indexes, f"{self.name}.matches"),
        ]  # fmt: skip

    def _index_phases(self, by_key: int, rewritten: list[list[Any]]) -> list[Phase]:
        return [
            self._phase("kept", "shards", "index:send_kept", "Send the band keys of the kept documents",
                        settings=self._index_shape, columns=(self.column, "id", "reason"), emits="kept_keys",
                        partitions=by_key, makes_artifacts=(f"{self.name}.kept",)),
            self.index_phase(self.name, rewritten, f"{self.name}.kept_keys"),
        ]  # fmt: skip

    @property
    def _reasons(self) -> list[str]:
        """near, contained, and near to what an earlier run kept"""
        return [f"{self.name}.{reason}" for reason in ("near_duplicate", "contained", "in_earlier_run")]

    @property
    def _keys(self) -> Settings:
        """What `windows.BandKeys` reads."""
        bands, rows = self.banding.shape
        per_dump, across = self.scope.per_dump, self.scope.across_dumps
        return {"keys": {"bands": bands, "rows": rows, "per_dump": per_dump, "across_dumps": across}}

    @property
    def _pair_keys(self) -> Settings:
        """The same for pairs of this run."""
        if self.config.containment is None:
            return self._keys
        rows = min(CONTAINED_ROWS, self.banding.permutations)
        return {"keys": {**self._keys["keys"], "contained_rows": rows}}

    @property
    def _shingles(self) -> Settings:
        """What a document is compared by."""
        return {"shingle": self.config.shingle, "symbols": self.config.symbols}

    @property
    def _proposal(self) -> Settings:
        """What `compare.compare_pairs` reads."""
        banding = self.banding
        agreement = banding.min_agreement_to_propose if self.exact else banding.min_agreement
        return {"min_agreement": agreement, "containment": self.config.containment, "deviations": DEVIATIONS}

    @property
    def _agreement(self) -> Settings:
        return {"min_agreement": self.banding.min_agreement}

    @property
    def _index_shape(self) -> Settings:
        bands, rows = self.banding.shape
        return {"bands": bands, "rows": rows, "permutations": self.banding.permutations}

    def _phase(
        self, name: str, over: Literal["shards", "partitions", "once"], run: str, title: str, **given: Any
    ) -> Phase:
        for key in ("exchange", "emits"):
            if key in given:
                given[key] = f"{self.name}.{given[key]}"
        return Phase(f"{self.name}.{name}", over, f"dspipe.stages.minhash.{run}", title, **given)
