"""Where a document's tokens are in packed shards. Numpy only."""

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
    file: str
    """of the row's shard, relative to the run's directory"""


def locate_document(path: Path | str, id: str) -> list[Location]:
    """All segments of the document with this id, by copy and start; empty when it is not in the shards.

    Reads the tables of all shards. Raises ShardError when there are no packed shards.
    """
    shards = Shards(path)
    found = []
    for number in range(len(shards.parts)):
        table = shards.table(number)
        documents = table.documents.find(id)
        for segment in np.flatnonzero(np.isin(table.segment_document, documents)).tolist() if documents else []:
            row = int(np.searchsorted(table.row_segments, segment, side="right")) - 1
            found.append(
                Location(
                    copy=int(table.documents.copy[table.segment_document[segment]]),
                    start=int(table.segment_start[segment]),
                    length=int(table.segment_length[segment]),
                    row=shards.first_row(number) + row,
                    column=int(table.segment_column[segment]),
                    file=shards.rows_file(number).name,
                )
            )
    return sorted(found, key=lambda location: (location.copy, location.start))
