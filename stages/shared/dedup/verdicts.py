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
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import GlobalStage, Phase, Settings
from dspipe.stages.shared.dedup.keep_policy import KeepConfig, KeepPolicy

if TYPE_CHECKING:
    import pyarrow as pa

    from dspipe.pipeline.tasks.task import Task
    from dspipe.stages.shared.dedup.kept_index import KeptIndex

ConfigT = TypeVar("ConfigT", bound=KeepConfig)

REWRITTEN = "rewritten"
"""what an index's settings call the stages that had rewritten the texts: a list of [name, settings]"""


def rewritten_settings(rewritten: list[list[Any]] | None) -> Settings:
    """The part of an index's settings that says what has rewritten the texts."""
    return {} if rewritten is None else {REWRITTEN: rewritten}


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

    @abstractmethod
    def index_settings(self, prefix: str) -> Settings:
        """What the keys in a round's index depend on, as JSON values; `code` stands for the code that makes them."""

    def earlier_indexes(self, prefix: str, rewritten: list[list[Any]] | None = None) -> "list[KeptIndex]":
        """The indexes of the runs in `against`. Raises ConfigError for what can't be joined with.

        `rewritten`: what has rewritten the texts (`Corpus.rewritten_before`), where keys depend on it and it is known.
        """
        if not self.config.against:
            return []
        from dspipe.stages.shared.dedup.kept_index import IndexUnusableError, open_index

        settings = json.loads(json.dumps({**self.index_settings(prefix), **rewritten_settings(rewritten)}))
        indexes: list[KeptIndex] = []
        for place, root in enumerate(self.config.against):
            try:
                index = open_index(root, prefix, settings)
            except IndexUnusableError as error:
                raise ConfigError(str(error), ("against", place)) from None
            if index.run in [other.run for other in indexes]:
                raise ConfigError(f"two of the runs have the name {index.run!r}", ("against", place))
            indexes.append(index)
        return indexes

    def closing_phases(self, prefix: str, exchange: str, method: str, report: str) -> list[Phase]:
        """From the exchange of verdicts (see `send_verdicts`) to row columns and statistics."""
        indexes = self.earlier_indexes(prefix)
        against = [[*index.identity, *index.reports] for index in indexes]
        return [
            Phase(
                f"{prefix}.verdicts",
                "shards",
                method,
                columns=("id", "url", "source", "dump", "reason"),
                exchange=exchange,
                writes=verdict_fields(prefix),
                makes_artifacts=(f"{prefix}.tables",),
                settings={"prefix": prefix},
            ),
            Phase(
                f"{prefix}.report",
                "once",
                report,
                artifacts=(f"{prefix}.tables", *([f"{prefix}.earlier.tables"] if indexes else [])),
                makes_artifacts=(f"{prefix}.report",),
                settings={
                    "alarm_share": self.config.alarm_share,
                    "against": against,
                },
            ),
        ]

    def write_verdicts(self, task: "Task", prefix: str, reason: str) -> None:
        """Write the row columns of a round from the verdicts received; documents without one are kept."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        from dspipe.pipeline.storage.records_by_row import RecordsByRow
        from dspipe.stages.shared.dedup.report import Tables

        fields = verdict_fields(prefix)
        names = [field.name.removeprefix(f"{prefix}.") for field in fields[1:]]
        types = [field.type for field in fields[1:]]
        sent = RecordsByRow(task, pa.schema([("row", pa.uint32()), *zip(names, types, strict=True)]))
        tables = Tables()
        first = 0
        for batch in task.rows(["id", "url", "source", "dump", "reason"]):
            table = sent.between(first, first + batch.num_rows)
            places = np.full(batch.num_rows, -1, np.int64)
            places[table.column("row").to_numpy() - first] = np.arange(table.num_rows)
            taken = table.take(pa.array(places, mask=places < 0))
            columns = {name: taken.column(name).combine_chunks() for name in names}
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
        from dspipe.stages.shared.dedup.report import Tables, shares_so_far

        tables = Tables()
        for part in task.artifact(f"{prefix}.tables"):
            tables.merge(json.loads(part.read()))
        indexes = self.earlier_indexes(prefix)
        before: list[dict[str, Any]] = []
        if indexes:
            from dspipe.stages.shared.dedup.against import earlier_dumps

            before = earlier_dumps(indexes)
            for part in task.artifact(f"{prefix}.earlier.tables"):
                tables.merge_earlier(json.loads(part.read()))
        found = tables.report(self.config.alarm_share)
        notes = {**found, "by dump": shares_so_far([*before, *found["by dump"]])}
        for key, value in notes.items():
            if value:
                task.note(key, value[-100:] if key == "by dump" else value[:20] if key == "largest clusters" else value)
        with task.make(f"{prefix}.report") as file:
            file.write(json.dumps({**found, "share by dumps": notes["by dump"]}, ensure_ascii=False).encode())
