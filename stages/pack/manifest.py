"""The manifest `index.json`: what a packed data set is, and each shard's files with their checksums."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

ROWS_SUFFIX = {"megatron": ".bin", "mds": ".mds", "parquet": ".parquet"}
"""The file that holds a shard's rows, by format."""


@dataclass(frozen=True)
class ShardFile:
    """A file of a shard."""

    name: str
    """relative to the run's directory"""
    bytes: int
    sha256: str


@dataclass(frozen=True)
class PackedShard:
    """A shard of rows. A document is counted in the shard where it begins."""

    rows: int
    tokens: int
    """without padding"""
    padding: int
    documents: int
    domains: dict[str, int]
    """tokens by domain, the largest first"""
    sources: dict[str, int]
    files: dict[str, ShardFile]
    """by suffix: the rows, the index of the format if it has one, the table of documents"""


@dataclass(frozen=True)
class Manifest:
    """A packed data set. Its shards, `parts`, stand in the order of the shuffle."""

    format: str
    """megatron, mds or parquet"""
    mode: str
    """split, best_fit or aligned"""
    row_length: int
    seed: int
    tokenizer_sha256: str
    mixture_sha256: str | None
    """None: no remix"""
    dtype: str
    """of the rows: uint16 or uint32"""
    vocabulary: int
    """number of ids"""
    end_token: int
    begin_token: int | None
    """None: not put before documents"""
    pad_token: int
    sentinels: list[int]
    """before prefix, suffix and middle; empty without fill-in-the-middle"""
    rows: int
    tokens: int
    """in rows, without padding"""
    padding: int
    documents: int
    """copies of documents that were packed"""
    cut: int
    """documents of more than one segment, or without their end"""
    segments: int
    rearranged: int
    """documents rearranged for fill-in-the-middle"""
    added: int
    """tokens: begin, end and sentinels"""
    cropped: int
    """tokens at the ends of documents that `aligned` doesn't pack"""
    dropped: int
    """tokens of the last, short row, where the config drops it"""
    dropped_documents: int
    """documents that lay in it with all their tokens"""
    empty_documents: int
    """documents without tokens, which are in no row"""
    segments_per_document: float
    domains: dict[str, int]
    """tokens by domain, the largest first"""
    sources: dict[str, int]
    parts: list[PackedShard]

    def as_json(self) -> dict[str, Any]:
        """JSON values, keys in this order."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Manifest":
        """The manifest of JSON values; keys of other formats beside its own don't matter.

        Raises KeyError for a key that is missing.
        """
        known = {field.name: value[field.name] for field in fields(cls)}
        return cls(**known | {"parts": [_read_part(part) for part in value["parts"]]})


def _read_part(value: Mapping[str, Any]) -> PackedShard:
    return PackedShard(**{**value, "files": {suffix: ShardFile(**file) for suffix, file in value["files"].items()}})
