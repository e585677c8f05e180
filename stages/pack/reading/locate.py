"""Where a document's tokens are in packed shards. Numpy only."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dspipe.stages.pack.reading.shard_files import Shards


@dataclass(frozen=True)
class Location:
    """A segment of a document: of copy `copy`, `length` tokens from `start` on stand in a row from `column` on."""

    copy: int
    start: int
    length: int
    row: int
    """number among all rows, as in `PackedDataset`"""
    column: int
    shard: int
    """number of the row's shard"""
    file: str
    """of the row's shard, relative to the run's directory"""
    whole: int
    """tokens of the whole copy, its begin and end tokens counted"""


def locate_document(path: Path | str, id: str) -> list[Location]:
    """All segments of the document with this id, by copy and start; empty when it is not in the shards.

    Reads the tables of all shards. Raises ShardError when there are no packed shards.
    """
    return locate_in(Shards(path), id)


def locate_in(shards: Shards, id: str, partitions: Collection[int] | None = None) -> list[Location]:
    """The same of open shards. `partitions`: only the shards of these, and where what they have of the document
    isn't all of it, the last shard, of remainders; default: all."""
    numbers = [shards.partition(number) for number in range(len(shards.parts))]
    found: list[Location] = []
    for number, partition in enumerate(numbers):
        if partition is None and partitions is not None and _is_whole(found):
            continue
        if partition is None or partitions is None or partition in partitions:
            found += _in_shard(shards, number, id)
    return sorted(found, key=lambda location: (location.copy, location.start))


def _in_shard(shards: Shards, number: int, id: str) -> Iterator[Location]:
    table = shards.table(number)
    documents = table.documents.find(id)
    for segment in np.flatnonzero(np.isin(table.segment_document, documents)).tolist() if documents else []:
        document = int(table.segment_document[segment])
        row = int(np.searchsorted(table.row_segments, segment, side="right")) - 1
        yield Location(
            copy=int(table.documents.copy[document]),
            start=int(table.segment_start[segment]),
            length=int(table.segment_length[segment]),
            row=shards.first_row(number) + row,
            column=int(table.segment_column[segment]),
            shard=number,
            file=shards.rows_file(number).name,
            whole=int(table.documents.tokens[document]),
        )


def _is_whole(found: Collection[Location]) -> bool:
    """Whether these are all tokens of the copies that they are of."""
    lengths, wholes = Counter[int](), dict[int, int]()
    for location in found:
        lengths[location.copy] += location.length
        wholes[location.copy] = location.whole
    return bool(found) and all(lengths[copy] == whole for copy, whole in wholes.items())
