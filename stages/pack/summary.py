"""What became of a partition's documents: written beside its shard, and added up by `pack.index`."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.document_table import DocumentTable


@dataclass(frozen=True)
class PackedCounts:
    """Counts of one partition, or of several; Manifest says more of what has the same name there."""

    rows: int = 0
    tokens: int = 0
    padding: int = 0
    documents: int = 0
    cut: int = 0
    segments: int = 0
    rearranged: int = 0
    added: int = 0
    cropped: int = 0
    remainder: int = 0
    """tokens of less than a row, sent to the tail"""
    dropped: int = 0
    dropped_documents: int = 0

    def plus(self, more: "PackedCounts") -> "PackedCounts":
        """The sum."""
        names = [field.name for field in fields(self)]
        return PackedCounts(**{name: getattr(self, name) + getattr(more, name) for name in names})


@dataclass(frozen=True)
class ShardContents:
    """What the shard of a partition holds, for its part of the manifest."""

    dtype: str
    documents: int
    """that begin in it"""
    domains: dict[str, int]
    """tokens by domain"""
    sources: dict[str, int]


@dataclass(frozen=True)
class PartitionSummary:
    """What became of a partition's documents, and what is in its shard: None where it has no whole row."""

    counts: PackedCounts
    contents: ShardContents | None

    def write(self, task: Task, artifact: str) -> None:
        """Make the artifact, and count: documents are copies here."""
        for name, count in asdict(self.counts).items():
            task.count(name.replace("documents", "copies").replace("_", " "), count)
        with task.make(artifact, ".summary.json") as file:
            file.write(json.dumps(asdict(self)).encode())

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "PartitionSummary":
        """The summary that `write` has written."""
        contents = value["contents"]
        return cls(PackedCounts(**value["counts"]), None if contents is None else ShardContents(**contents))


def describe_shard(table: DocumentTable, dtype: str) -> ShardContents:
    """What a shard with this table holds."""
    return ShardContents(dtype, len(table.find_begun()), table.count_by_domain(), table.count_by_source())
