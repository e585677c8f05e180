"""What is compared of the documents of two runs: a record each, of which those of the same document are put together.

A document is known again by `origin` (a hash of source and place, `pipeline.tasks.origins`) and `id` together: ids may
repeat, and where a file was changed, another document may stand in the same place. Where two shards have the same
origins and ids, row by row, as the hashes of their columns say, they are compared without a join. The records of all
others go to files by their key's upper bits, and are joined a partition at a time, so that memory stays bounded.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.hashing import hash64_with, hash_strings
from dspipe.pipeline.inspection.document_table import NUMBER, REASON, DocumentTable, ShardColumns
from dspipe.pipeline.inspection.loaded_documents import Names

RECORD = np.dtype(
    [
        ("key", "u8"),
        ("number", "u8"),
        ("text", "u8"),
        ("bytes", "i8"),
        ("tokens", "i8"),
        ("reason", "i4"),
        ("domain", "i4"),
        ("language", "i4"),
        ("copies", "i4"),
    ]
)
"""`reason`, `domain` and `language` are numbers of `Codes`, -1 for null; `text` is a hash of the text, or 0"""
Records = npt.NDArray[np.void]
Places = npt.NDArray[np.int64]
_ID_SALT = np.uint64(xxhash.xxh64_intdigest(b"id"))
_IDENTITY = ("origin", "id")


class Codes:
    """The numbers of strings, the same for both runs."""

    def __init__(self) -> None:
        self.reasons, self.domains, self.languages = Names(), Names(), Names()


def aligned_shards(a: DocumentTable, b: DocumentTable) -> list[tuple[int, int]]:
    """Pairs of shards that have the same documents row by row."""
    there: dict[Any, int] = {}
    for number, shard in enumerate(b.shards):
        there.setdefault(_identity(shard), number)
    pairs = []
    for number, shard in enumerate(a.shards):
        other = there.pop(_identity(shard), None)
        if other is not None:
            pairs.append((number, other))
    return pairs


def read_records(table: DocumentTable, codes: Codes, shards: Sequence[int], texts: bool) -> Iterator[Records]:
    """The records of some shards, a batch a row group, in the order of the documents."""
    known = table.columns
    wanted = [*_IDENTITY, NUMBER, "text_bytes", "domain", "language", REASON, "tokens", "copies", *(["text"] * texts)]
    names = [name for name in wanted if name in known]
    for rows in table.read(names, shards):
        yield _records(rows.batch, codes)


def joined(a: Iterator[Records], b: Iterator[Records], bytes_: int, memory: int) -> Iterator[tuple[Records, Records]]:
    """Records of both runs side by side, in parts of bounded memory: in each the i-th of a and of b are of the same
    document, or one of them is absent (its `number` is `ABSENT`). bytes_: of all records, about."""
    partitions = max(1, -(-bytes_ * 4 // memory))
    with tempfile.TemporaryDirectory(prefix="dspipe-diff-") as folder:
        for name, records in (("a", a), ("b", b)):
            _send(Path(folder) / name, records, partitions)
        for partition in range(partitions):
            one, other = (_received(Path(folder) / f"{name}{partition}") for name in "ab")
            yield side_by_side(one, other)


def side_by_side(a: Records, b: Records) -> tuple[Records, Records]:
    """All records of both, those of the same document beside one another; where a key repeats, in the order of the
    documents."""
    a, b = (records[np.lexsort([records["number"], records["key"]])] for records in (a, b))
    keys = [np.stack([records["key"], _repeats(records["key"])]) for records in (a, b)]
    # rank within equal keys as the second part of the key
    both = np.concatenate(keys, axis=1)
    order = np.lexsort([both[1], both[0]])
    same = np.zeros(len(order), bool)
    if len(order) > 1:
        ascending = both[:, order]
        same[1:] = (ascending[:, 1:] == ascending[:, :-1]).all(axis=0)
    row = np.cumsum(~same) - 1
    found = [_absent(int(row[-1]) + 1 if len(row) else 0) for _ in "ab"]
    from_a = order < len(a)
    found[0][row[from_a]] = a[order[from_a]]
    found[1][row[~from_a]] = b[order[~from_a] - len(a)]
    return found[0], found[1]


ABSENT = np.uint64(0xFFFFFFFFFFFFFFFF)


def _absent(n: int) -> Records:
    records = np.zeros(n, RECORD)
    records["number"] = ABSENT
    return records


def _repeats(ascending: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """How often each key occurred before."""
    place = np.arange(len(ascending))
    starts = np.append(True, ascending[1:] != ascending[:-1])[: len(ascending)]
    return (place - np.maximum.accumulate(np.where(starts, place, 0))).astype(np.uint64)


def _identity(shard: ShardColumns) -> Any:
    return (*(shard.columns[name].hash for name in _IDENTITY), tuple(shard.groups))


def _records(batch: pa.RecordBatch, codes: Codes) -> Records:
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    records = np.zeros(batch.num_rows, RECORD)
    ids = hash_strings(*text_buffers(columns["id"]), _ID_SALT)
    records["key"] = hash64_with(columns["origin"].to_numpy(zero_copy_only=False), ids.view(np.int64))
    records["number"] = columns[NUMBER].to_numpy()
    for name, column in (("bytes", "text_bytes"), ("tokens", "tokens"), ("copies", "copies")):
        if column in columns:
            records[name] = columns[column].fill_null(0).to_numpy(zero_copy_only=False)
    for name, names in (("reason", codes.reasons), ("domain", codes.domains), ("language", codes.languages)):
        records[name] = names.codes(columns[name]) if name in columns else -1
    if "text" in columns:
        hashes = hash_strings(*text_buffers(columns["text"].fill_null("")), np.uint64(0))
        # a text that an `early` stage dropped isn't stored, and is like any
        records["text"] = np.where(columns["text"].is_valid().to_numpy(zero_copy_only=False), hashes | np.uint64(1), 0)
    return records


def _send(path: Path, records: Iterator[Records], partitions: int) -> None:
    with ExitStack() as stack:
        files = [stack.enter_context(Path(f"{path}{partition}").open("wb")) for partition in range(partitions)]
        for part in records:
            to = ((part["key"] >> np.uint64(32)) * np.uint64(partitions)) >> np.uint64(32)
            for partition in np.unique(to).tolist():
                part[to == partition].tofile(files[partition])


def _received(path: Path) -> Records:
    return np.fromfile(path, RECORD)
