"""Exact deduplication: of all documents with the same text, or the same address, one is kept.

    exact_dedup: {}                                     by text
    exact_dedup: {by: [url, text], keep: [newest]}      first by address, then by text
    exact_dedup: {against: [s3://bucket/runs/2024-10]}  of what that run has kept, no copy

Texts are the same when their 128-bit hashes after normalizing are (`kernels.dedup.text_hash`: blanks don't count, all
else does). Addresses are the same without scheme, fragment and closing slash; documents without one are all different.

Per round: every shard sends hash, row and order of each document that is still kept to the hash's partition (16 bytes
for the hash, 4 for the row, 8 a criterion of `keep`, and the dump); a partition sorts, and sends verdicts back. With
`against`, hashes are first looked up in what earlier runs have kept, and only the rest is deduplicated.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import Corpus, Phase, Settings
from dspipe.stages.shared.dedup.keep_policy import KeepConfig
from dspipe.stages.shared.dedup.verdicts import DedupStage, rewritten_settings

if TYPE_CHECKING:
    import pyarrow as pa

    from dspipe.pipeline.tasks.task import Task

RECORD_BYTES = 48
"""of an exchange record in memory, roughly"""


class Config(KeepConfig):
    """Settings of `exact_dedup`."""

    by: Annotated[list[Literal["text", "url"]], Field(min_length=1)] = Field(["text"])
    """What must be the same, in the order of the rounds."""


class ExactDedup(DedupStage[Config]):
    """Keeps one document of each text."""

    Config = Config

    def check(self) -> None:
        super().check()
        if len(set(self.config.by)) < len(self.config.by):
            raise ConfigError("a round is named twice", ("by",))
        for by in self.config.by:
            self.earlier_indexes(self._prefix(by))

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        return (pa.field(f"{self.name}.hash", pa.binary(16)),) if "text" in self.config.by else ()

    def measure_settings(self) -> Settings:
        return {"text": "text" in self.config.by}

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        if "text" not in self.config.by:
            return batch
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.dedup.text_hash import text_hashes

        hashes = text_hashes(*text_buffers(batch.column("text")))
        column = pa.Array.from_buffers(pa.binary(16), len(hashes), [None, pa.py_buffer(hashes)])
        return batch.append_column(f"{self.name}.hash", column)

    def index_settings(self, prefix: str) -> Settings:
        import hashlib

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.dedup.text_hash import text_hashes
        from dspipe.stages.shared.dedup.kept_index import sample_texts

        return {"code": hashlib.sha256(text_hashes(*text_buffers(sample_texts())).tobytes()).hexdigest()}

    def phases(self, corpus: Corpus) -> list[Phase]:
        from dspipe.pipeline.storage.records import partitions_for

        partitions = partitions_for(corpus, RECORD_BYTES)
        settings = self.config.model_dump(mode="json", include={"keep", "sources"})
        choosing = settings | self.config.model_dump(mode="json", include={"scope", "min_cluster"})
        planned: list[Phase] = []
        for by in self.config.by:
            prefix = self._prefix(by)
            rewritten = corpus.rewritten_before(self.name) if by == "text" else None
            planned += self._earlier_phases(by, partitions, rewritten)
            planned += [
                Phase(
                    f"{prefix}.send",
                    "shards",
                    f"send_{by}",
                    columns=tuple(dict.fromkeys([self._column(by), "dump", "reason", *self.policy.columns()])),
                    emits=f"{prefix}.hashes",
                    partitions=partitions,
                    settings=settings,
                ),
                Phase(
                    f"{prefix}.group",
                    "partitions",
                    "group",
                    exchange=f"{prefix}.hashes",
                    emits=f"{prefix}.sent_back",
                    settings=choosing,
                ),
                *self.closing_phases(prefix, f"{prefix}.sent_back", f"verdicts_{by}", f"report_{by}"),
            ]
            if self.config.index:
                planned += self._index_phases(by, partitions, rewritten)
        return planned

    def _earlier_phases(self, by: str, partitions: int, rewritten: list[list[Any]] | None) -> list[Phase]:
        prefix = self._prefix(by)
        indexes = self.earlier_indexes(prefix, rewritten)
        if not indexes:
            return []
        from dspipe.stages.shared.dedup.against import earlier_phase

        columns = (self._column(by), "reason")
        against = {"against": [index.identity for index in indexes]}
        asked, matches = f"{prefix}.asked", f"{prefix}.matches"
        return [
            Phase(f"{prefix}.ask", "shards", f"ask_{by}", columns=columns, emits=asked, partitions=partitions),
            Phase(f"{prefix}.match", "partitions", f"match_{by}", exchange=asked, emits=matches, settings=against),
            earlier_phase(prefix, matches, f"earlier_{by}", indexes),
        ]

    def _index_phases(self, by: str, partitions: int, rewritten: list[list[Any]] | None) -> list[Phase]:
        prefix = self._prefix(by)
        settings = {**self.index_settings(prefix), **rewritten_settings(rewritten)}
        columns = (self._column(by), "id", "reason")
        sent, made = f"{prefix}.kept", (f"{prefix}.index",)
        return [
            Phase(f"{prefix}.keep", "shards", f"keep_{by}", columns=columns, emits=sent, partitions=partitions),
            Phase(
                f"{prefix}.index", "partitions", f"index_{by}", exchange=sent, makes_artifacts=made, settings=settings
            ),
        ]

    def send_text(self, task: "Task") -> None:
        """Send the hash of every document that is still kept."""
        from dspipe.stages.exact_dedup.hashes import send_records

        send_records(task, self._column("text"), self.policy)

    def send_url(self, task: "Task") -> None:
        """Send the hash of every address of a document that is still kept."""
        from dspipe.stages.exact_dedup.hashes import send_records

        send_records(task, self._column("url"), self.policy)

    def group(self, task: "Task") -> None:
        """Choose the kept copy of each hash."""
        from dspipe.stages.exact_dedup.hashes import group_by_hash
        from dspipe.stages.shared.dedup.scope import Scope

        group_by_hash(task, self.policy, Scope.of(self.config))

    def verdicts_text(self, task: "Task") -> None:
        """Drop documents whose text is another's."""
        self.write_verdicts(task, self._prefix("text"), f"{self.name}.duplicate")

    def verdicts_url(self, task: "Task") -> None:
        """Drop documents whose address is another's."""
        self.write_verdicts(task, self._prefix("url"), f"{self.name}.same_url")

    def report_text(self, task: "Task") -> None:
        """Tables of the round by text."""
        self.write_report(task, self._prefix("text"))

    def report_url(self, task: "Task") -> None:
        """Tables of the round by address."""
        self.write_report(task, self._prefix("url"))

    def ask_text(self, task: "Task") -> None:
        """Look up texts in earlier runs."""
        from dspipe.stages.exact_dedup.hashes import send_hashes

        send_hashes(task, self._column("text"))

    def match_text(self, task: "Task") -> None:
        """Answer with the documents that they have kept."""
        from dspipe.stages.exact_dedup.against import answer_hashes

        answer_hashes(task, self.earlier_indexes(self._prefix("text")))

    def earlier_text(self, task: "Task") -> None:
        """Drop documents whose text an earlier run has kept."""
        from dspipe.stages.shared.dedup.against import write_earlier

        prefix = self._prefix("text")
        write_earlier(task, prefix, f"{self.name}.in_earlier_run", self.earlier_indexes(prefix))

    def keep_text(self, task: "Task") -> None:
        """Send the hashes of what is kept."""
        from dspipe.stages.exact_dedup.hashes import send_hashes

        send_hashes(task, self._column("text"), ["id"])

    def index_text(self, task: "Task") -> None:
        """Sort them."""
        from dspipe.stages.shared.dedup.kept_index import write_index

        prefix = self._prefix("text")
        write_index(task, f"{prefix}.index", dict(task.settings))

    def ask_url(self, task: "Task") -> None:
        """Look up addresses in earlier runs."""
        from dspipe.stages.exact_dedup.hashes import send_hashes

        send_hashes(task, self._column("url"))

    def match_url(self, task: "Task") -> None:
        """Answer with the documents that they have kept."""
        from dspipe.stages.exact_dedup.against import answer_hashes

        answer_hashes(task, self.earlier_indexes(self._prefix("url")))

    def earlier_url(self, task: "Task") -> None:
        """Drop documents whose address an earlier run has kept."""
        from dspipe.stages.shared.dedup.against import write_earlier

        prefix = self._prefix("url")
        write_earlier(task, prefix, f"{self.name}.url_in_earlier_run", self.earlier_indexes(prefix))

    def keep_url(self, task: "Task") -> None:
        """Send the hashes of what is kept."""
        from dspipe.stages.exact_dedup.hashes import send_hashes

        send_hashes(task, self._column("url"), ["id"])

    def index_url(self, task: "Task") -> None:
        """Sort them."""
        from dspipe.stages.shared.dedup.kept_index import write_index

        prefix = self._prefix("url")
        write_index(task, f"{prefix}.index", dict(task.settings))

    def _prefix(self, by: str) -> str:
        return self.name if by == "text" else f"{self.name}.{by}"

    def _column(self, by: str) -> str:
        return f"{self.name}.hash" if by == "text" else "url"
