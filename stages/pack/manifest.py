"""The manifest `index.json`: what a packed data set is, and each shard's files with their checksums."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from dspipe.stages.pack.document_table import SUFFIX, Documents
from dspipe.stages.pack.tokenizer_json import added_tokens

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.artifact_file import ArtifactFile
    from dspipe.stages.pack.special_tokens import Special

COUNTED = ("rows", "tokens", "padding", "documents", "cut", "pieces", "rearranged", "added", "cropped", "rest")
"""What a shard's summary counts. `tokens` are those in rows, `rest` those handed to the tail; `cut` documents have more
than one piece or lost their end; `added` tokens are begin and end tokens and sentinels."""

SUFFIXES = (SUFFIX, ".bin", ".idx", ".mds", ".parquet")


def manifest(
    parts: "Sequence[tuple[Mapping[str, Any], Sequence[ArtifactFile]]]",
    settings: Mapping[str, Any],
    special: "Special",
    tokenizer: bytes,
    totals: Mapping[str, int],
) -> dict[str, Any]:
    """The manifest of shards with these summaries and files.

        format, mode, row_length, dtype, seed, vocabulary (number of ids)
        end_token, begin_token (null: none), pad_token, sentinels    ids
        tokenizer_sha256, mixture_sha256 (null: no remix)
        rows, tokens (without padding), padding, documents, cut, pieces, rearranged, added, cropped, dropped, ...
        domains, sources     tokens by name, the largest first
        parts                for each shard rows, tokens, padding, documents, domains, sources,
                             files: {suffix: {name, bytes, sha256}}; names are relative to the run's directory

    A document is counted in the shard where it begins. Shards stand in the order of the shuffle.
    """
    entries = [_part(summary, files) for summary, files in parts if summary["rows"]]
    types = {summary["dtype"] for summary, _ in parts if summary["rows"]}
    if len(types) > 1:
        raise ValueError(f"shards of different types: {', '.join(sorted(types))}")
    _, vocabulary = added_tokens(tokenizer)
    return {
        **settings,
        "dtype": types.pop() if types else "uint16",
        "vocabulary": vocabulary,
        "end_token": special.end,
        "begin_token": special.begin if special.begin >= 0 else None,
        "pad_token": special.pad,
        "sentinels": special.sentinels.tolist(),
        **totals,
        "pieces_per_document": round(totals["pieces"] / totals["documents"], 4) if totals["documents"] else 0.0,
        "domains": _summed([entry["domains"] for entry in entries]),
        "sources": _summed([entry["sources"] for entry in entries]),
        "parts": entries,
    }


def describe(summary: dict[str, Any], documents: Documents, dtype: str) -> None:
    """Add to a shard's summary what its part of the manifest needs."""
    summary["dtype"] = dtype
    summary["begun"] = len(documents.begun())
    for column, names in (("domain", documents.domains), ("source", documents.sources)):
        summary[f"{column}s"] = documents.tokens_by(names, column)


def _part(summary: Mapping[str, Any], files: "Sequence[ArtifactFile]") -> dict[str, Any]:
    named = {}
    for file in files:
        suffix = next(suffix for suffix in SUFFIXES if file.name.endswith(suffix))
        named[suffix] = {"name": str(PurePosixPath(file.name)), "bytes": file.size, "sha256": file.sha256}
    return {
        "rows": summary["rows"],
        "tokens": summary["tokens"],
        "padding": summary["padding"],
        "documents": summary["begun"],
        "domains": summary["domains"],
        "sources": summary["sources"],
        "files": named,
    }


def _summed(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for count in counts:
        for name, tokens in count.items():
            sums[name] = sums.get(name, 0) + tokens
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))
