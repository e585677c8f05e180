"""Exact deduplication: of all documents with the same text, or the same address, one is kept.

    exact_dedup: {}                                     by text
    exact_dedup: {by: [url, text], keep: [newest]}      first by address, then by text

Texts are the same when their 128-bit hashes after normalizing are (`kernels.text_hash`: blanks don't count, all else
does). Addresses are the same without scheme, fragment and closing slash; documents without one are all different.

Per round: every shard sends hash, row and order of each document that is still kept to the hash's partition (16 bytes
for the hash, 4 for the row, 8 a criterion of `keep`, and the dump); a partition sorts, and sends verdicts back.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipeline.stage import ConfigError, Corpus, Phase, Settings
from stages.dedup.keep import KeepConfig
from stages.dedup.verdicts import DedupStage

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.task import Task

RECORD_BYTES = 48
"""of an exchange record in memory, roughly"""
BYTES_PER_DOCUMENT = 1000
"""stored bytes per document that partitions are planned by: fewer than any crawl has"""


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

    def measured(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        return (pa.field(f"{self.name}.hash", pa.binary(16)),) if "text" in self.config.by else ()

    def text_settings(self) -> Settings:
        return {"text": "text" in self.config.by}

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        if "text" not in self.config.by:
            return batch
        import pyarrow as pa

        from kernels.arrow import text_buffers
        from kernels.text_hash import text_hashes

        hashes = text_hashes(*text_buffers(batch.column("text")))
        column = pa.Array.from_buffers(pa.binary(16), len(hashes), [None, pa.py_buffer(hashes)])
        return batch.append_column(f"{self.name}.hash", column)

    def phases(self, corpus: Corpus) -> list[Phase]:
        from stages.dedup.records import partitions_for

        partitions = partitions_for(corpus, RECORD_BYTES / BYTES_PER_DOCUMENT)
        settings = self.config.model_dump(mode="json", include={"keep", "sources"})
        planned = []
        for by in self.config.by:
            prefix = self._prefix(by)
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
                    settings=settings,
                ),
                *self.closing_phases(prefix, f"{prefix}.sent_back", f"verdicts_{by}", f"report_{by}"),
            ]
        return planned

    def send_text(self, task: "Task") -> None:
        """Send the hash of every document that is still kept."""
        self._send(task, "text")

    def send_url(self, task: "Task") -> None:
        """Send the hash of every address of a document that is still kept."""
        self._send(task, "url")

    def group(self, task: "Task") -> None:
        """Choose the kept copy of each hash."""
        import numpy as np

        from stages.dedup.records import received
        from stages.dedup.verdicts import send_verdicts

        for records in received(task, "low"):
            hashes = [records.numbers("high"), records.numbers("low")]
            orders = [records.numbers(name) for name in self.policy.order_names]
            order = self.policy.sort(hashes, orders, records.documents)
            high, low = (values[order] for values in hashes)
            begins = np.concatenate([[True], (high[1:] != high[:-1]) | (low[1:] != low[:-1])])
            starts = np.flatnonzero(begins)
            sizes = np.diff(np.append(starts, len(order)))
            repeated = np.add.reduceat(records.weights[order], starts) > 1
            order, sizes = order[np.repeat(repeated, sizes)], sizes[repeated]
            groups = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
            keepers = np.arange(len(records), dtype=np.int64)
            keepers[order] = np.repeat(order[groups[:-1]], sizes)
            task.count("hashes", len(starts))
            task.count("repeated", len(sizes))
            send_verdicts(task, records, order, groups, keepers, np.ones(len(records), np.float32))

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

    def _prefix(self, by: str) -> str:
        return self.name if by == "text" else f"{self.name}.{by}"

    def _column(self, by: str) -> str:
        return f"{self.name}.hash" if by == "text" else "url"

    def _send(self, task: "Task", by: str) -> None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        from stages.dedup.records import combined, record_batch, rows_kept, spread

        column = self._column(by)
        for rows, batch in rows_kept(task, [column, "dump", *self.policy.columns()]):
            known = pc.is_valid(batch.column(column))
            batch, rows = batch.filter(known), rows[known.to_numpy(zero_copy_only=False)]
            hashes = _stored_hashes(batch.column(column)) if by == "text" else _address_hashes(batch.column(column))
            high, low = np.ascontiguousarray(hashes[:, 1]), np.ascontiguousarray(hashes[:, 0])
            orders = self.policy.order(batch)
            best, columns = combined(self.policy, [high, low], orders, rows)
            columns |= {"dump": batch.column("dump").take(pa.array(best))}
            values = {"high": high, "low": low, **orders}
            records = record_batch(columns | {name: array[best] for name, array in values.items()})
            task.emit(spread(high[best], task.spec.partitions), records)


def _stored_hashes(column: "pa.Array"):  # type: ignore[no-untyped-def]
    import numpy as np

    data = column.buffers()[1]
    values = np.frombuffer(data, np.uint64) if data is not None else np.empty(0, np.uint64)
    return values.reshape(-1, 2)[column.offset : column.offset + len(column)]


def _address_hashes(column: "pa.Array"):  # type: ignore[no-untyped-def]
    import pyarrow.compute as pc

    from kernels.arrow import text_buffers
    from kernels.text_hash import text_hashes

    bare = pc.replace_substring_regex(column, r"^[A-Za-z][A-Za-z0-9+.-]*://|#.*$", "")
    return text_hashes(*text_buffers(pc.replace_substring_regex(bare, r"/+$", "")))
