"""What the shards cost: seconds and bytes of each, over all phases, and the slowest by name."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.plan.phase_record import read_phase_manifests


@dataclass(frozen=True)
class ShardWork:
    """One shard's part of the work."""

    shard: int
    name: str
    """source and first file"""
    documents: int
    bytes: int
    """of its texts"""
    seconds: float
    """of worker time, in all phases over shards"""
    by_phase: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def shard_work(table: DocumentTable, text_bytes: Sequence[int], names: Sequence[str] = ()) -> list[ShardWork]:
    """Each shard's part of the work. `text_bytes`, `names`: of each shard. Raises DamagedFileError."""
    seconds: list[dict[str, float]] = [{} for _ in table.shards]
    for phase in table.run.phases:
        if phase.by_shard:
            manifests = read_phase_manifests(table.store, phase.names, phase.manifests)
            for own, manifest in zip(seconds, manifests, strict=False):
                own[phase.name] = float(manifest["seconds"])
    return [
        ShardWork(
            shard=number,
            name=names[number] if names else f"shard {number}",
            documents=place.rows,
            bytes=text_bytes[number],
            seconds=round(sum(own.values()), 3),
            by_phase=own,
        )
        for number, (place, own) in enumerate(zip(table.shards, seconds, strict=True))
    ]
