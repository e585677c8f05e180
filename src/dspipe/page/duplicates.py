"""Deduplication by dump, as Table 1 of DeepSeek LLM (2024), and the largest clusters with kept and dropped texts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from dspipe.pipeline.inspection.clusters import Cluster, LargestClusters, Pair
from dspipe.pipeline.inspection.compare_texts import Compared, Piece, compare_texts, first_difference
from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.documents_at import documents_at
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.stage import Stage
from dspipe.stages.minhash.stage import MinhashStage
from dspipe.stages.shared.dedup.stage_base import DedupStage

LARGEST = 100
_BEFORE, _SHOWN = 160, 900
"""characters that are shown of texts before the first difference, and in all"""


@dataclass(frozen=True)
class ShownDocument:
    """One side of a pair."""

    id: str
    url: str | None
    dump: str | None
    source: str
    characters: int
    pieces: list[Piece]
    """what both have, and what this one has alone"""


@dataclass(frozen=True)
class ShownCluster:
    """A cluster with one of the documents that were dropped, and the one that was kept for it."""

    documents: int
    estimated: float | None
    true: float | None
    """the Jaccard similarity of the sets of shingles of the texts; None where they can't be compared"""
    alike: int
    """characters at the beginning that both have, and that aren't shown"""
    kept: ShownDocument | None
    dropped: ShownDocument | None


@dataclass(frozen=True)
class DumpRow:
    """A dump, and what was removed of the dumps up to it."""

    dump: str
    documents: int
    dropped: int
    share: float
    share_so_far: float


@dataclass(frozen=True)
class Round:
    """One round of deduplication."""

    name: str
    by_dump: list[DumpRow]
    sizes: list[tuple[int, int]]
    """(at least so many documents, clusters)"""
    clusters: list[ShownCluster]

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def rounds_of(table: DocumentTable, stages: Sequence[Stage[Any]]) -> dict[str, Stage[Any]]:
    """The rounds of which the run has clusters, and their stages."""
    found: dict[str, Stage[Any]] = {}
    for stage in stages:
        if isinstance(stage, DedupStage):
            prefixes = [name.removesuffix(".keeper") for name in table.columns if name.endswith(".keeper")]
            found |= {p: stage for p in prefixes if p == stage.name or p.startswith(f"{stage.name}.")}
    return found


def show_rounds(
    table: DocumentTable, rounds: Mapping[str, Stage[Any]], collected: Mapping[str, LargestClusters]
) -> list[Round]:
    """The rounds as they are shown. Raises DamagedFileError."""
    clusters = {name: collected[name].found() for name in rounds}
    pairs = [pair for of_it in clusters.values() for cluster in of_it for pair in cluster.pairs]
    numbers = {number for pair in pairs for number in (pair.dropped, pair.kept)}
    rows = documents_at(table, numbers, ["id", "url", "dump", "source", "text"])
    return [
        Round(
            name,
            _by_dump(table.run, name),
            _sizes(table.run, name),
            [_show(cluster, rows, _similarity(stage)) for cluster in clusters[name]],
        )
        for name, stage in rounds.items()
    ]


def _notes(run: RunFile, name: str) -> Mapping[str, Any]:
    return next((phase.notes for phase in run.phases if phase.name == f"{name}.report"), {})


def _by_dump(run: RunFile, name: str) -> list[DumpRow]:
    return [
        DumpRow(row["dump"], row["documents"], row["dropped"], row["share"], row["share so far"])
        for row in _notes(run, name).get("by dump", [])
    ]


def _sizes(run: RunFile, name: str) -> list[tuple[int, int]]:
    return [(row["at least"], row["clusters"]) for row in _notes(run, name).get("cluster sizes", [])]


def _similarity(stage: Stage[Any]) -> Callable[[str, str], float | None]:
    """How alike two texts are: by the shingles of the stage, or by runs of five words."""
    minhash = isinstance(stage, MinhashStage)
    shingle, symbols = (stage.config.shingle, stage.config.symbols) if minhash else (5, False)

    def jaccard(one: str, other: str) -> float | None:
        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.dedup.shingle_sets import shingle_sets

        found = shingle_sets(*text_buffers(pa.array([one, other], pa.large_string())), np.arange(2), shingle, symbols)
        first, second = found.hashes[: found.offsets[1]], found.hashes[found.offsets[1] :]
        both = len(np.intersect1d(first, second, assume_unique=True))
        union = len(first) + len(second) - both
        return both / union if union else None

    return jaccard


def _show(
    cluster: Cluster, rows: Mapping[int, Mapping[str, Any]], similarity: Callable[[str, str], float | None]
) -> ShownCluster:
    pair = cluster.pairs[0] if cluster.pairs else None
    kept, dropped = (rows.get(number) if pair else None for number in _numbers(pair))
    if pair is None or kept is None or dropped is None or kept["text"] is None or dropped["text"] is None:
        estimated = pair.similarity if pair else None
        return ShownCluster(cluster.documents, estimated, None, 0, _side(kept, []), _side(dropped, []))
    one, other = kept["text"], dropped["text"]
    alike, compared = differences(one, other)
    true = similarity(one, other)
    sides = _side(kept, compared.left), _side(dropped, compared.right)
    return ShownCluster(cluster.documents, pair.similarity, true, alike, *sides)


def _numbers(pair: Pair | None) -> tuple[int, int]:
    return (pair.kept, pair.dropped) if pair else (0, 0)


def _side(row: Mapping[str, Any] | None, pieces: list[Piece]) -> ShownDocument | None:
    if row is None:
        return None
    return ShownDocument(
        row["id"], row.get("url"), row.get("dump"), row.get("source") or "", len(row["text"] or ""), pieces
    )


def differences(one: str, other: str) -> tuple[int, Compared]:
    """Two texts from shortly before their first difference on: how many characters are left out before that, and what
    is shown of both."""
    first = first_difference(one, other)
    start = 0 if first == len(one) == len(other) else max(0, first - _BEFORE)
    return start, compare_texts(one[start : start + _SHOWN], other[start : start + _SHOWN])
