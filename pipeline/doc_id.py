"""The number of a document in a run: 64 bits, its shard above its row, so that it finds its way back with a shift.

Shards are numbered the oldest dump first, so of equal documents the one with the smallest number is the oldest. Numbers
are uint64 arrays here; `NO_DOCUMENT` is the number that no document has.
"""

import numpy as np
import numpy.typing as npt

UInt64 = npt.NDArray[np.uint64]
UInt32 = npt.NDArray[np.uint32]

ROW_BITS = np.uint64(32)
ROW_MASK = np.uint64(0xFFFFFFFF)
NO_DOCUMENT = np.uint64(0xFFFFFFFFFFFFFFFF)


def doc_ids(shard: int, rows: npt.NDArray[np.integer]) -> UInt64:
    """The numbers of rows of one shard."""
    return (np.uint64(shard) << ROW_BITS) | rows.astype(np.uint64)


def doc_ids_at(shards: npt.NDArray[np.integer], rows: npt.NDArray[np.integer]) -> UInt64:
    """The numbers of rows of many shards, row i of shard shards[i]."""
    return (shards.astype(np.uint64) << ROW_BITS) | rows.astype(np.uint64)


def shards_of(documents: UInt64) -> UInt32:
    """The shard of each document."""
    return (documents >> ROW_BITS).astype(np.uint32)


def rows_of(documents: UInt64) -> UInt32:
    """The row of each document in its shard."""
    return (documents & ROW_MASK).astype(np.uint32)


def join(shard: int, row: int) -> int:
    """The number of the document in a row of a shard."""
    return shard << 32 | row


def split(document: int) -> tuple[int, int]:
    """Shard and row of one document."""
    return document >> 32, document & 0xFFFFFFFF


def place_of(document: int) -> str:
    """Shard and row of one document as they are shown and asked for: `3.17`."""
    shard, row = split(document)
    return f"{shard}.{row}"
