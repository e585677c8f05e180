"""Which documents stand where in a shard's rows: the table beside each shard, numpy only.

It lies in `<shard>.documents.safetensors`; R rows, K pieces (in row order, then by column), D documents:

    row_pieces       int64[R + 1]   row r holds pieces row_pieces[r] .. row_pieces[r + 1]
    piece_document   int32[K]       the piece's document
    piece_start      int64[K]       its first token within the document's stream (begin and end tokens counted)
    piece_length     int32[K]       tokens
    piece_column     int32[K]       where in the row it starts; what no piece covers is padding
    tokens           int64[D]       length of the document's stream
    copy             int32[D]       0 for the first time that the document is drawn, 1 for the second, ...
    domain, source   int32[D]       numbers into the metadata's lists `domains` and `sources`
    layout           uint8[D]       0 as it is; 1, 2: rearranged for fill-in-the-middle (`stages.pack.fim`)
    cuts             int64[D, 2]    where its middle starts and ends; present when any document is rearranged
    ids, id_offsets  uint8, int64[D + 1]   the documents' ids in UTF-8
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from dspipe.stages.pack.formats.safetensors import load_arrays, save_arrays
from dspipe.stages.pack.segments import Pieces

SUFFIX = ".documents.safetensors"
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Documents:
    """The documents of a shard, and their pieces."""

    arrays: dict[str, Array]
    domains: list[str]
    sources: list[str]

    @property
    def count(self) -> int:
        """Documents in the table, those among them that begin in another shard included."""
        return len(self.arrays["tokens"])

    def id(self, document: int) -> str:
        """The id of a document of the table."""
        start, end = self.arrays["id_offsets"][document : document + 2]
        return bytes(self.arrays["ids"][start:end]).decode("utf-8", "replace")

    def find(self, id: str) -> list[int]:
        """The documents with this id: one for each copy that is here, if only in part."""
        wanted = np.frombuffer(id.encode("utf-8", "surrogatepass"), np.uint8)
        offsets, ids = self.arrays["id_offsets"], self.arrays["ids"]
        alike = np.flatnonzero(np.diff(offsets) == len(wanted))
        found = (ids[offsets[alike][:, None] + np.arange(len(wanted))] == wanted).all(axis=1)
        return [int(document) for document in alike[found]]

    def pieces(self, row: int) -> slice:
        """The pieces of a row."""
        start, end = self.arrays["row_pieces"][row : row + 2]
        return slice(int(start), int(end))

    def begun(self) -> npt.NDArray[np.int64]:
        """The documents whose first token is in this shard: each drawn copy is one of those in exactly one shard."""
        first: npt.NDArray[np.int64] = self.arrays["piece_document"][self.arrays["piece_start"] == 0].astype(np.int64)
        return first

    def tokens_by(self, names: Sequence[str], column: str) -> dict[str, int]:
        """Tokens in this shard by `domain` or `source`, the largest first."""
        codes = self.arrays[column][self.arrays["piece_document"]]
        sums = np.bincount(codes, self.arrays["piece_length"], len(names)).astype(np.int64)
        order = sorted(range(len(names)), key=lambda i: (-sums[i], names[i]))
        return {names[i]: int(sums[i]) for i in order if sums[i]}

    def save(self, file: BinaryIO, extra: dict[str, Array] | None = None) -> None:
        """Write the table (and further arrays)."""
        metadata = {"domains": json.dumps(self.domains), "sources": json.dumps(self.sources)}
        save_arrays(file, {**self.arrays, **(extra or {})}, metadata)


def load_documents(path: Path | str) -> Documents:
    """Map a table into memory. Raises ValueError when it is cut short."""
    arrays, metadata = load_arrays(path)
    return Documents(arrays, json.loads(metadata["domains"]), json.loads(metadata["sources"]))


def with_pieces(documents: Documents, pieces: Pieces, rows: int) -> Documents:
    """The table for these pieces: only the documents that they are of, renumbered; rows counted from 0."""
    used, renumbered = np.unique(pieces.document, return_inverse=True)
    arrays: dict[str, Array] = {
        name: documents.arrays[name][used]
        for name in ("tokens", "copy", "domain", "source", "layout", "cuts")
        if name in documents.arrays
    }
    if "cuts" in arrays and not arrays["layout"].any():
        del arrays["cuts"]
    offsets, ids = documents.arrays["id_offsets"], documents.arrays["ids"]
    lengths = (offsets[1:] - offsets[:-1])[used]
    ends = np.cumsum(lengths)
    # each id's bytes: its start, repeated, plus a running number that begins anew with each id
    index = np.repeat(offsets[:-1][used] - (ends - lengths), lengths) + np.arange(int(ends[-1]) if len(ends) else 0)
    arrays["ids"] = ids[index]
    arrays["id_offsets"] = np.concatenate([np.zeros(1, np.int64), ends]).astype(np.int64)
    arrays["row_pieces"] = np.searchsorted(pieces.row, np.arange(rows + 1)).astype(np.int64)
    arrays["piece_document"] = renumbered.astype(np.int32)
    arrays["piece_start"] = pieces.start
    arrays["piece_length"] = pieces.length.astype(np.int32)
    arrays["piece_column"] = pieces.column.astype(np.int32)
    return Documents(arrays, documents.domains, documents.sources)
