"""Where a document's tokens are in packed shards."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dspipe.stages.pack.reading.shard_files import Shards


@dataclass(frozen=True)
class Place:
    """A piece of a document: of copy `copy`, `length` tokens from `start` on stand in a row from `column` on."""

    copy: int
    start: int
    length: int
    row: int
    """number among all rows, as in `PackedDataset`"""
    column: int
    file: str
    """of the row's shard, relative to the run's directory"""


def places(path: Path | str, id: str) -> list[Place]:
    """All pieces of the document with this id, by copy and start; empty when it is not in the shards.

    Reads the tables of all shards. Raises ShardError when there are no packed shards.
    """
    shards = Shards(path)
    found = []
    for number, part in enumerate(shards.parts):
        documents = shards.documents(number)
        here = documents.find(id)
        file = next(entry["name"] for suffix, entry in part["files"].items() if suffix in (".bin", ".mds", ".parquet"))
        for piece in np.flatnonzero(np.isin(documents.arrays["piece_document"], here)).tolist() if here else []:
            row = int(np.searchsorted(documents.arrays["row_pieces"], piece, side="right")) - 1
            found.append(
                Place(
                    copy=int(documents.arrays["copy"][documents.arrays["piece_document"][piece]]),
                    start=int(documents.arrays["piece_start"][piece]),
                    length=int(documents.arrays["piece_length"][piece]),
                    row=row + (int(shards.ends[number - 1]) if number else 0),
                    column=int(documents.arrays["piece_column"][piece]),
                    file=file,
                )
            )
    return sorted(found, key=lambda place: (place.copy, place.start))
