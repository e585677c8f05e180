"""Packed shards against the run that they were made from: every drawn document, as often as drawn, with its text."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.hashing import hash64_with, hash_strings
from dspipe.stages.pack.document_table import DocumentTable
from dspipe.stages.pack.fim import restore
from dspipe.stages.pack.manifest import Manifest
from dspipe.stages.pack.reading.shard_files import Shards
from dspipe.stages.pack.segments import Int64
from dspipe.stages.pack.verify.findings import Findings
from dspipe.stages.remix.mixture_plan import MixturePlan

UInt64 = npt.NDArray[np.uint64]
ReadRows = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]
"""Columns of all documents of a run, in batches."""

BUCKETS = 256
"""Documents are compared by sums over buckets of their ids; only a bucket that differs is looked at by name."""


class Multiset:
    """A multiset of (id, copy, tokens) as sums of hashes by bucket: equal multisets have equal sums."""

    def __init__(self) -> None:
        self._hashes = np.zeros(BUCKETS, np.uint64)
        self._counts = np.zeros(BUCKETS, np.int64)

    def add(self, ids: UInt64, copies: Int64, tokens: Int64) -> None:
        """Add documents by the hashes of their ids."""
        bucket = _find_buckets(ids)
        np.add.at(self._hashes, bucket, hash64_with(hash64_with(ids, copies), tokens))
        np.add.at(self._counts, bucket, 1)

    def find_differences(self, other: "Multiset") -> set[int]:
        """The buckets in which two multisets differ."""
        unequal = (self._hashes != other._hashes) | (self._counts != other._counts)
        return {int(bucket) for bucket in np.flatnonzero(unequal)}


class PackedDocuments(Multiset):
    """The documents in the shards, each in the shard where it begins."""

    def __init__(self) -> None:
        super().__init__()
        self.documents = 0
        self.tokens: dict[str, int] = {}
        """by domain"""

    def add_shard(self, table: DocumentTable, manifest: Manifest) -> None:
        """Add the documents that begin in a shard."""
        begun, ids, tokens = _read_begun(table, manifest)
        documents = table.documents
        self.documents += len(begun)
        self.add(ids, np.asarray(documents.copy, np.int64)[begun], tokens)
        sums = np.bincount(documents.domain[begun], tokens, len(documents.domains))
        for name, count in zip(documents.domains, sums.tolist(), strict=True):
            self.tokens[name] = self.tokens.get(name, 0) + int(count)


@dataclass(frozen=True)
class _DrawnBatch:
    """A batch of a run's documents: `ids` hashes of their ids, `copies` of each that were drawn, `tokens` of each."""

    names: pa.Array
    ids: UInt64
    copies: Int64
    tokens: Int64


def check_drawn(
    packed: PackedDocuments, shards: Shards, mixture: Path | None, read_rows: ReadRows, result: Findings
) -> None:
    """Every document that was drawn is there, as often as drawn and with as many tokens."""
    expected, longest = Multiset(), 0
    for batch in _read_drawn(read_rows):
        row = np.repeat(np.arange(len(batch.ids)), batch.copies)
        copy = np.arange(len(row)) - np.repeat(np.cumsum(batch.copies) - batch.copies, batch.copies)
        expected.add(batch.ids[row], copy, batch.tokens[row])
        longest = max(longest, int(batch.tokens.max(initial=0)))
        result.count("drawn documents", len(row))
    different = expected.find_differences(packed)
    if different:
        _name_differences(shards, read_rows, different, result)
    plan = MixturePlan.from_json(mixture.read_bytes()) if mixture else None
    if plan is None or plan.unit != "tokens":
        return
    for domain in plan.domains:
        got, wanted = packed.tokens.get(domain.domain, 0), domain.tokens_drawn
        # what the draw may miss by, and a document
        allowed = domain.may_miss_by + longest + shards.manifest.dropped
        if abs(got - wanted) > allowed:
            result.problems.append(
                f"domain {domain.domain}: the shards hold documents of {got:,} tokens, the plan draws {wanted:,}"
            )


def check_texts(shards: Shards, tokenizer: Path, read_rows: ReadRows, sample: int, result: Findings) -> None:
    """Sampled documents' tokens are those that the tokenizer makes of their texts."""
    chosen = _sample_segments(shards, sample)
    texts: dict[str, list[str]] = {}
    missing = set(chosen)
    for batch in read_rows(["id", "text"]):
        mask = pc.is_in(batch.column("id"), pa.array(sorted(chosen), pa.string()))
        for entry in batch.filter(mask).to_pylist():
            if entry["text"] is not None:
                texts.setdefault(entry["id"], []).append(entry["text"])
                missing.discard(entry["id"])
    model = Tokenizer.from_file(str(tokenizer))
    for name, segments in chosen.items():
        if name in missing:
            result.problems.append(f"document {name} is in the shards, but the run has no text of it")
            continue
        for segment in segments:
            result.count("round trips")
            if not any(_is_of_text(model, segment, text) for text in texts[name]):
                result.problems.append(
                    f"document {name}: its tokens from {segment.start:,} on are not those of its text"
                )


@dataclass(frozen=True)
class _SampledSegment:
    """Tokens of a document, without begin and end tokens and rearranged no more; `whole`: all of its tokens."""

    start: int
    tokens: list[int]
    whole: bool


def _sample_segments(shards: Shards, sample: int) -> dict[str, list[_SampledSegment]]:
    """Up to `sample` segments, one from each of evenly spaced rows, by document id."""
    chosen: dict[str, list[_SampledSegment]] = {}
    numbers = np.unique(np.linspace(0, max(0, shards.rows - 1), min(sample, shards.rows)).astype(np.int64))
    for number, row in enumerate(numbers):
        shard, shard_row = shards.find_row(int(row))
        table = shards.table(shard)
        segments = table.segments(shard_row)
        segment = segments.start + number % max(1, segments.stop - segments.start)
        found = _read_segment(shards, shard, shard_row, segment)
        if found is not None:
            chosen.setdefault(table.documents.id(int(table.segment_document[segment])), []).append(found)
    return chosen


def _read_segment(shards: Shards, shard: int, row: int, segment: int) -> _SampledSegment | None:
    """A segment's tokens; None where it is a part of a rearranged document, which can't be put in order again."""
    table, begin = shards.table(shard), int(shards.manifest.begin_token is not None)
    document = int(table.segment_document[segment])
    start, column = int(table.segment_start[segment]), int(table.segment_column[segment])
    length = int(table.segment_length[segment])
    tokens = np.asarray(shards.tokens(shard)[row])[column : column + length]
    begins, ends = start == 0, start + length == int(table.documents.tokens[document])
    tokens = tokens[begin if begins else 0 : len(tokens) - ends]
    layout = int(table.documents.layout[document])
    if layout:
        if not (begins and ends):
            return None
        first, second = (int(cut) for cut in table.documents.cuts[document])
        tokens = restore(tokens, layout, (first, second))
    return _SampledSegment(0 if begins else start - begin, tokens.tolist(), begins and ends)


def _is_of_text(model: Any, segment: _SampledSegment, text: str) -> bool:
    decoded = model.decode(segment.tokens, skip_special_tokens=False)
    # a segment can begin and end within a character
    if decoded == text if segment.whole else decoded.strip("\ufffd") in text:
        return True
    encoded = model.encode(text, add_special_tokens=False).ids
    part = encoded[segment.start : segment.start + len(segment.tokens)]
    return bool(part == segment.tokens and (not segment.whole or len(encoded) == len(segment.tokens)))


def _read_begun(table: DocumentTable, manifest: Manifest) -> tuple[Int64, UInt64, Int64]:
    """The documents that begin in a shard: their numbers, the hashes of their ids, their own tokens."""
    documents, begun = table.documents, table.find_begun()
    ids = hash_strings(np.asarray(documents.ids), np.asarray(documents.id_offsets, np.int64), np.uint64(0))[begun]
    if documents.drawn is not None:
        return begun, ids, np.asarray(documents.drawn, np.int64)[begun]
    added = 1 + (manifest.begin_token is not None)
    rearranged = (np.asarray(documents.layout)[begun] > 0) * len(manifest.sentinels)
    return begun, ids, np.asarray(documents.tokens, np.int64)[begun] - added - rearranged


def _read_drawn(read_rows: ReadRows) -> Iterator[_DrawnBatch]:
    for batch in read_rows(["id", "tokens", "reason", "copies"]):
        tokens = batch.column("tokens").to_numpy(zero_copy_only=False).astype(np.int64)
        kept = batch.column("reason").is_null().to_numpy(zero_copy_only=False) & (tokens > 0)
        copies = batch.column("copies").fill_null(1).to_numpy(zero_copy_only=False)
        drawn = np.where(kept, copies, 0).astype(np.int64)
        names = batch.column("id")
        yield _DrawnBatch(names, hash_strings(*text_buffers(names), np.uint64(0)), drawn, tokens)


def _name_differences(shards: Shards, read_rows: ReadRows, buckets: set[int], result: Findings) -> None:
    """Say which documents are missing or too many, of those whose ids are in these buckets."""
    wanted: Counter[tuple[str, int]] = Counter()
    for batch in _read_drawn(read_rows):
        for i in np.flatnonzero(np.isin(_find_buckets(batch.ids), list(buckets)) & (batch.copies > 0)):
            wanted[(str(batch.names[int(i)]), int(batch.tokens[i]))] += int(batch.copies[i])
    packed: Counter[tuple[str, int]] = Counter()
    for number in range(len(shards.parts)):
        table = shards.table(number)
        begun, ids, tokens = _read_begun(table, shards.manifest)
        for i in np.flatnonzero(np.isin(_find_buckets(ids), list(buckets))):
            packed[(table.documents.id(int(begun[i])), int(tokens[i]))] += 1
    missing, extra = wanted - packed, packed - wanted
    if missing.total() == shards.manifest.dropped_documents and not extra:
        return  # those of the last, short row, which the config drops
    for what, counter in (("missing", missing), ("too many", extra)):
        shown = ", ".join(f"{name} ({tokens:,} tokens) x{n}" for (name, tokens), n in sorted(counter.items())[:5])
        if counter:
            result.problems.append(f"{counter.total():,} documents are {what} in the shards: {shown}")
    if not missing and not extra:
        result.problems.append("documents are in the shards with other numbers of copies than drawn")


def _find_buckets(ids: UInt64) -> Int64:
    return (ids >> np.uint64(56)).astype(np.int64)
