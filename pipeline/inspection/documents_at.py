"""Single documents by their numbers: each row group that one of them is in is read once."""

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from dspipe.pipeline.doc_id import split
from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.storage.columns import read_rows

_THREADS = 4


def documents_at(table: DocumentTable, numbers: Iterable[int], names: Sequence[str]) -> dict[int, dict[str, Any]]:
    """The named columns (stored ones) of the documents with these numbers, by number; what the run doesn't have is
    left out. Raises DamagedFileError."""
    groups: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for number in set(numbers):
        shard, row = split(number)
        if shard >= len(table.shards):
            continue
        ends = list(accumulate(table.shards[shard].groups))
        group = int(np.searchsorted(ends, row, "right"))
        if group < len(ends):
            groups.setdefault((shard, group), []).append(
                (number, row - ends[group] + table.shards[shard].groups[group])
            )
    stored = [name for name in names if name in table.columns and name in table.shards[0].columns]
    with ThreadPoolExecutor(_THREADS, "dspipe-read") as pool:
        parts = pool.map(lambda item: _read(table, item[0], item[1], stored), sorted(groups.items()))
        return {number: row for part in parts for number, row in part}


def _read(
    table: DocumentTable, place: tuple[int, int], wanted: Collection[tuple[int, int]], names: Sequence[str]
) -> list[tuple[int, dict[str, Any]]]:
    shard, group = place
    columns = table.shards[shard]
    try:
        (batch,) = read_rows(table.store, columns.columns, names, columns.groups, [group])
    except FileNotFoundError as error:
        raise DamagedFileError(str(error.filename or error), "is gone") from None
    rows = batch.take(pa.array([row for _, row in wanted])).to_pylist()
    return list(zip((number for number, _ in wanted), rows, strict=True))
