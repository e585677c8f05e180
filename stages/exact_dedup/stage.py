"""Exact deduplication: of all documents with the same text, or the same address, one is kept.

    exact_dedup: {}                                     by text
    exact_dedup: {by: [url, text], keep: [newest]}      first by address, then by text
    exact_dedup: {against: [s3://bucket/runs/2024-10]}  of what that run has kept, no copy
    exact_dedup: {keep: none}                           of a text that is there twice, nothing

Texts are the same when their 128-bit hashes after normalizing are (`kernels.dedup.text_hash`: blanks don't count, all
else does). Addresses are the same without scheme, fragment and closing slash; documents without one are all different.

Per round: every shard sends hash, row and order of each document that is still kept to the hash's partition (16 bytes
for the hash, 4 for the row, 8 a criterion of `keep`, and the dump); a partition sorts, and sends verdicts back. With
`against`, hashes are first looked up in what earlier runs have kept, and only the rest is deduplicated.
"""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import pyarrow as pa
from pydantic import Field

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.rejudging import NeedsRunError, Rejudged, RunDocuments
from dspipe.pipeline.stage import Corpus, Phase, Settings
from dspipe.pipeline.storage.partitions import partitions_for
from dspipe.stages.exact_dedup.hashes import hash_column_of
from dspipe.stages.shared.dedup import index_check
from dspipe.stages.shared.dedup.kept_index import KeptIndex
from dspipe.stages.shared.dedup.stage_base import DedupConfig, DedupStage

RECORD_BYTES = 48
"""of an exchange record in memory, roughly"""
_MODULE = "dspipe.stages.exact_dedup"
_NOUNS = {"text": "text", "url": "address"}
_REASONS = {"text": "duplicate", "url": "same_url"}
_EARLIER_REASONS = {"text": "in_earlier_run", "url": "url_in_earlier_run"}


class ExactDedupConfig(DedupConfig):
    """Settings of `exact_dedup`."""

    by: Annotated[list[Literal["text", "url"]], Field(min_length=1)] = Field(["text"])
    """What must be the same, in the order of the rounds."""


class ExactDedupStage(DedupStage[ExactDedupConfig]):
    """Keeps one document of each text."""

    Config = ExactDedupConfig
    measure_run = f"{_MODULE}.hashes:measure"

    def check(self) -> None:
        super().check()
        if len(set(self.config.by)) < len(self.config.by):
            raise ConfigError("a round is named twice", ("by",))
        for by in self.config.by:
            self.earlier_indexes(self._prefix(by))

    def measured_columns(self) -> tuple[pa.Field, ...]:
        return (pa.field(hash_column_of(self.name), pa.binary(16)),) if "text" in self.config.by else ()

    def measure_settings(self) -> Settings:
        return {"text": "text" in self.config.by}

    def index_settings(self, prefix: str) -> Settings:
        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.dedup.text_hash import text_hashes

        hashes = text_hashes(*text_buffers(index_check.sample_texts()))
        return {"code": hashlib.sha256(hashes.tobytes()).hexdigest()}

    def phases(self, corpus: Corpus) -> list[Phase]:
        return [phase for by in self.config.by for phase in self._round(by, corpus)]

    def _round(self, by: str, corpus: Corpus) -> list[Phase]:
        """The phases of a round by `text` or `url`."""
        prefix, noun, partitions = self._prefix(by), _NOUNS[by], partitions_for(corpus, RECORD_BYTES)
        rewritten = corpus.rewritten_before(self.name) if by == "text" else None
        indexes = self.earlier_indexes(prefix, rewritten)
        policy = self.policy
        return [
            *(self._earlier_phases(by, partitions, indexes) if indexes else []),
            Phase(
                f"{prefix}.send",
                "shards",
                f"{_MODULE}.groups:send_records",
                f"Send the hash of each document's {noun}",
                settings={"by": by, **policy.settings},
                columns=tuple(dict.fromkeys([self._column(by), "dump", "reason", *policy.columns()])),
                emits=f"{prefix}.hashes",
                partitions=partitions,
            ),
            Phase(
                f"{prefix}.group",
                "partitions",
                f"{_MODULE}.groups:choose_keepers",
                f"Choose the copy to keep of each {noun}",
                settings={**policy.settings, **self.scope_settings},
                exchange=f"{prefix}.hashes",
                emits=f"{prefix}.sent_back",
            ),
            *self.closing_phases(
                prefix,
                [f"{self.name}.{_REASONS[by]}"],
                f"Drop the documents whose {noun} {'another' if policy.keeps_none else 'a kept one'} has",
                indexes,
                f"{prefix}.sent_back",
            ),
            *(self._index_phases(by, partitions, rewritten) if self.config.index else []),
        ]

    def _earlier_phases(self, by: str, partitions: int, indexes: Sequence[KeptIndex]) -> list[Phase]:
        prefix, noun = self._prefix(by), _NOUNS[by]
        return [
            Phase(
                f"{prefix}.lookup",
                "shards",
                f"{_MODULE}.against:send_lookups",
                f"Send the hashes to look up in earlier runs, by {noun}",
                settings={"by": by},
                columns=(self._column(by), "reason"),
                emits=f"{prefix}.lookups",
                partitions=partitions,
            ),
            Phase(
                f"{prefix}.match",
                "partitions",
                f"{_MODULE}.against:send_matches",
                "Look up hashes in what earlier runs have kept",
                settings={"against": [list(index.reference) for index in indexes]},
                exchange=f"{prefix}.lookups",
                emits=f"{prefix}.matches",
            ),
            self.earlier_phase(prefix, f"{self.name}.{_EARLIER_REASONS[by]}", indexes, f"{prefix}.matches"),
        ]

    def _index_phases(self, by: str, partitions: int, rewritten: list[list[Any]] | None) -> list[Phase]:
        prefix = self._prefix(by)
        return [
            Phase(
                f"{prefix}.keep",
                "shards",
                f"{_MODULE}.index:send_kept",
                "Send the hashes of the kept documents",
                settings={"by": by},
                columns=(self._column(by), "id", "reason"),
                emits=f"{prefix}.kept",
                partitions=partitions,
            ),
            self.index_phase(prefix, rewritten, f"{prefix}.kept"),
        ]

    def rejudge(self, before: Self, documents: RunDocuments) -> Rejudged:
        from dspipe.stages.exact_dedup.rejudge import Round, rejudge

        if before.config.by != self.config.by or before.config.against != self.config.against:
            raise NeedsRunError(f"other rounds of {self.name} need a run: what they would look up isn't there")
        rounds = [
            Round(self._column(by), f"{self.name}.{_REASONS[by]}", f"{self.name}.{_EARLIER_REASONS[by]}")
            for by in self.config.by
        ]
        old, new = ({**stage.policy.settings, **stage.scope_settings} for stage in (before, self))
        return rejudge(rounds, old, new, bool(self.config.against), documents)

    def _prefix(self, by: str) -> str:
        return self.name if by == "text" else f"{self.name}.{by}"

    def _column(self, by: str) -> str:
        return hash_column_of(self.name) if by == "text" else "url"
