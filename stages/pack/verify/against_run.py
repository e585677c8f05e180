"""Packed shards against the run that they were made from: every drawn document, as often as drawn, with its text."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dspipe.stages.pack.document_table import Documents
from dspipe.stages.pack.fim import restore
from dspipe.stages.pack.reading.shard_files import Shards
from dspipe.stages.pack.verify.findings import Findings
from dspipe.stages.remix.mixture_plan import MixturePlan

if TYPE_CHECKING:
    import pyarrow as pa

    ReadRows = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]

BUCKETS = 256
"""Documents are compared by sums over buckets of their ids; only a bucket that differs is looked at by name."""


class _Sums:
    """A multiset of (id, copy, tokens) as sums of hashes by bucket: equal multisets have equal sums."""

    def __init__(self) -> None:
        self.hashes = np.zeros(BUCKETS, np.uint64)
        self.counts = np.zeros(BUCKETS, np.int64)

    def add(self, ids: npt.NDArray[np.uint64], copies: npt.NDArray[np.int64], tokens: npt.NDArray[np.int64]) -> None:
        from dspipe.kernels.hashing import hash64_with

        bucket = _buckets(ids)
        np.add.at(self.hashes, bucket, hash64_with(hash64_with(ids, copies), tokens))
        np.add.at(self.counts, bucket, 1)

    def differs(self, other: "_Sums") -> npt.NDArray[np.int64]:
        """The buckets in which two multisets differ."""
        unequal: npt.NDArray[np.int64] = np.flatnonzero(
            (self.hashes != other.hashes) | (self.counts != other.counts)
        ).astype(np.int64)
        return unequal


class Found(_Sums):
    """The documents in the shards, each in the shard where it begins."""

    def __init__(self) -> None:
        super().__init__()
        self.documents = 0
        self.tokens: dict[str, int] = {}

    def add(self, documents: Documents, index: dict[str, Any]) -> None:  # type: ignore[override]
        begun, ids, tokens = _begun(documents, index)
        self.documents += len(begun)
        super().add(ids, np.asarray(documents.arrays["copy"], np.int64)[begun], tokens)
        sums = np.bincount(documents.arrays["domain"][begun], tokens, len(documents.domains))
        for name, count in zip(documents.domains, sums.tolist(), strict=True):
            self.tokens[name] = self.tokens.get(name, 0) + int(count)


def _begun(
    documents: Documents, index: dict[str, Any]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """The documents that begin in a shard: their numbers, the hashes of their ids, their own tokens."""
    from dspipe.kernels.hashing import hash_strings

    begun = documents.begun()
    arrays = documents.arrays
    ids = hash_strings(np.asarray(arrays["ids"]), np.asarray(arrays["id_offsets"], np.int64), np.uint64(0))[begun]
    added = 1 + (index["begin_token"] is not None)
    rearranged = (np.asarray(arrays["layout"])[begun] > 0) * len(index["sentinels"])
    return begun, ids, np.asarray(arrays["tokens"], np.int64)[begun] - added - rearranged


def check_drawn(
    found: Found,
    shards: Shards,
    mixture: Path | None,
    read_rows: "ReadRows",
    result: Findings,
) -> None:
    """Every document that was drawn is there, as often as drawn and with as many tokens."""
    expected, longest = _Sums(), 0
    for _, ids, copies, tokens in _drawn(read_rows):
        row = np.repeat(np.arange(len(ids)), copies)
        copy = np.arange(len(row)) - np.repeat(np.cumsum(copies) - copies, copies)
        expected.add(ids[row], copy, tokens[row])
        longest = max(longest, int(tokens.max(initial=0)))
        result.count("drawn documents", len(row))
    different = expected.differs(found)
    if len(different):
        _name_differences(shards, read_rows, set(different.tolist()), result)
    plan = MixturePlan.from_json(mixture.read_bytes()) if mixture else None
    if plan is None or plan.unit != "tokens":
        return
    for domain in plan.domains:
        got, wanted = found.tokens.get(domain.domain, 0), domain.tokens_drawn
        # the tokens of one bin at the end of the draw, and of a document (see stages.remix.epochs.BINS)
        allowed = domain.largest_bin + longest + shards.index["dropped"]
        if abs(got - wanted) > allowed:
            result.problems.append(
                f"domain {domain.domain}: the shards hold documents of {got:,} tokens, the plan draws {wanted:,}"
            )


def _drawn(
    read_rows: "ReadRows",
) -> "Iterator[tuple[pa.RecordBatch, npt.NDArray[np.uint64], npt.NDArray[np.int64], npt.NDArray[np.int64]]]":
    """Batches of the run: the batch, and for each row the hash of its id, its copies and its tokens."""
    from dspipe.kernels.arrow import text_buffers
    from dspipe.kernels.hashing import hash_strings

    for batch in read_rows(["id", "tokens", "reason", "copies"]):
        tokens = batch.column("tokens").to_numpy(zero_copy_only=False).astype(np.int64)
        kept = batch.column("reason").is_null().to_numpy(zero_copy_only=False) & (tokens > 0)
        copies = batch.column("copies").fill_null(1).to_numpy(zero_copy_only=False)
        times = np.where(kept, copies, 0).astype(np.int64)
        yield batch, hash_strings(*text_buffers(batch.column("id")), np.uint64(0)), times, tokens


def _name_differences(
    shards: Shards,
    read_rows: "ReadRows",
    buckets: set[int],
    result: Findings,
) -> None:
    wanted: Counter[tuple[str, int]] = Counter()
    for batch, ids, copies, tokens in _drawn(read_rows):
        for i in np.flatnonzero(np.isin(_buckets(ids), list(buckets)) & (copies > 0)):
            wanted[(str(batch.column("id")[int(i)]), int(tokens[i]))] += int(copies[i])
    there: Counter[tuple[str, int]] = Counter()
    for number in range(len(shards.parts)):
        documents = shards.documents(number)
        begun, ids, tokens = _begun(documents, shards.index)
        for i in np.flatnonzero(np.isin(_buckets(ids), list(buckets))):
            there[(documents.id(int(begun[i])), int(tokens[i]))] += 1
    missing, extra = wanted - there, there - wanted
    if missing.total() == shards.index["dropped_documents"] and not extra:
        return  # those of the last, short row, which the config drops
    for what, counter in (("missing", missing), ("too many", extra)):
        shown = ", ".join(f"{name} ({tokens:,} tokens) x{n}" for (name, tokens), n in sorted(counter.items())[:5])
        if counter:
            result.problems.append(f"{counter.total():,} documents are {what} in the shards: {shown}")
    if not missing and not extra:
        result.problems.append("documents are in the shards with other numbers of copies than drawn")


def _buckets(ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return (ids >> np.uint64(56)).astype(np.int64)


def check_texts(
    shards: Shards,
    tokenizer: Path,
    read_rows: "ReadRows",
    sample: int,
    result: Findings,
) -> None:
    """Sampled documents' tokens are those that the tokenizer makes of their texts."""
    from tokenizers import Tokenizer

    chosen = _sampled(shards, sample)
    texts: dict[str, list[str]] = {}
    missing = set(chosen)
    for batch in read_rows(["id", "text"]):
        import pyarrow as pa
        import pyarrow.compute as pc

        mask = pc.is_in(batch.column("id"), pa.array(sorted(chosen), pa.string()))
        for entry in batch.filter(mask).to_pylist():
            if entry["text"] is not None:
                texts.setdefault(entry["id"], []).append(entry["text"])
                missing.discard(entry["id"])
    model = Tokenizer.from_file(str(tokenizer))
    for name, pieces in chosen.items():
        if name in missing:
            result.problems.append(f"document {name} is in the shards, but the run has no text of it")
            continue
        for start, tokens, whole in pieces:
            result.count("round trips")
            if not any(_same_text(model, text, start, tokens, whole) for text in texts[name]):
                result.problems.append(f"document {name}: its tokens from {start:,} on are not those of its text")


def _same_text(model: Any, text: str, start: int, tokens: list[int], whole: bool) -> bool:
    decoded = model.decode(tokens, skip_special_tokens=False)
    # a piece can begin and end within a character
    if decoded == text if whole else decoded.strip("\ufffd") in text:
        return True
    encoded = model.encode(text, add_special_tokens=False).ids
    return bool(encoded[start : start + len(tokens)] == tokens and (not whole or len(encoded) == len(tokens)))


def _sampled(shards: Shards, sample: int) -> dict[str, list[tuple[int, list[int], bool]]]:
    """Up to `sample` pieces, one from each of evenly spaced rows: by document id where they start, tokens, if whole."""
    index = shards.index
    chosen: dict[str, list[tuple[int, list[int], bool]]] = {}
    count = min(sample, shards.rows)
    numbers = np.unique(np.linspace(0, max(0, shards.rows - 1), count).astype(np.int64))
    for number, row in enumerate(numbers):
        shard, at = shards.place(int(row))
        documents = shards.documents(shard)
        arrays, pieces = documents.arrays, documents.pieces(at)
        piece = pieces.start + number % max(1, pieces.stop - pieces.start)
        document = int(arrays["piece_document"][piece])
        start, column = int(arrays["piece_start"][piece]), int(arrays["piece_column"][piece])
        stream_length, length = int(arrays["tokens"][document]), int(arrays["piece_length"][piece])
        tokens = np.asarray(shards.tokens(shard)[at])[column : column + length]
        begin = int(index["begin_token"] is not None)
        ends, begins = start + length == stream_length, start == 0
        tokens = tokens[begin if begins else 0 : len(tokens) - ends]
        layout = int(arrays["layout"][document])
        if layout:
            if not (begins and ends):
                continue  # only a whole one can be put in order again
            first, second = (int(cut) for cut in arrays["cuts"][document])
            tokens = restore(tokens, layout, (first, second))
        place = 0 if begins else start - begin
        chosen.setdefault(documents.id(document), []).append((place, tokens.tolist(), begins and ends))
    return chosen
