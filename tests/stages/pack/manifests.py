"""Manifests for tests."""

from dspipe.stages.pack.document_table import SUFFIX
from dspipe.stages.pack.manifest import ROWS_SUFFIX, Manifest, PackedShard, ShardFile


def make_manifest(format: str = "megatron", rows: list[int] | None = None, row_length: int = 4) -> Manifest:
    """A manifest of shards with so many rows each, all of them full of one domain's tokens."""
    suffixes = [ROWS_SUFFIX[format], SUFFIX]
    parts = [
        PackedShard(
            rows=count,
            tokens=count * row_length,
            padding=0,
            documents=count,
            domains={"web": count * row_length},
            sources={"made": count * row_length},
            files={suffix: ShardFile(f"{number}{suffix}", 2 * count * row_length, "0" * 64) for suffix in suffixes},
        )
        for number, count in enumerate([3] if rows is None else rows)
    ]
    total = sum(part.rows for part in parts)
    return Manifest(
        format=format,
        mode="split",
        row_length=row_length,
        seed=1,
        tokenizer_sha256="1" * 64,
        mixture_sha256=None,
        dtype="uint16",
        vocabulary=300,
        end_token=257,
        begin_token=None,
        pad_token=258,
        sentinels=[],
        rows=total,
        tokens=total * row_length,
        padding=0,
        documents=total,
        cut=0,
        segments=total,
        rearranged=0,
        added=total,
        cropped=0,
        dropped=0,
        dropped_documents=0,
        empty_documents=0,
        segments_per_document=1.0,
        domains={"web": total * row_length},
        sources={"made": total * row_length},
        parts=parts,
    )
