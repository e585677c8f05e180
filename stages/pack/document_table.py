"""Which documents stand where in a shard's rows: the table beside each shard. Numpy only.

It lies in `<shard>.documents.safetensors`; R rows, K segments (in row order, then by column), D documents:

    row_segments      int64[R + 1]   row r holds the segments row_segments[r] .. row_segments[r + 1]
    segment_document  int32[K]       the segment's document
    segment_start     int64[K]       its first token within the document's stream (begin and end tokens counted)
    segment_length    int32[K]       tokens
    segment_column    int32[K]       where in the row it starts; what no segment covers is padding
    tokens            int64[D]       length of the document's stream
    copy              int32[D]       0 for the first time that the document is drawn, 1 for the second, ...
    domain, source    int32[D]       numbers into the metadata's lists `domains` and `sources`
    layout            uint8[D]       0 as it is; 1, 2: rearranged for fill-in-the-middle (`stages.pack.fim`)
    cuts              int64[D, 2]    where its middle starts and ends; present when any document is rearranged
    drawn             int64[D]       tokens that the document has by itself; present where it has others because it is
                                     cut at characters (`stages.pack.fim_characters`)
    ids, id_offsets   uint8, int64[D + 1]   the documents' ids in UTF-8
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from dspipe.stages.pack.formats.safetensors import load_arrays, save_arrays
from dspipe.stages.pack.segments import Int64, Segments

SUFFIX = ".documents.safetensors"
Int32 = npt.NDArray[np.int32]
UInt8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Documents:
    """D documents, or copies of documents, each a stream of tokens. Arrays as in the module's table."""

    ids: UInt8
    id_offsets: Int64
    copy: Int32
    domain: Int32
    source: Int32
    domains: list[str]
    sources: list[str]
    tokens: Int64
    layout: UInt8
    cuts: Int64
    drawn: Int64 | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def id(self, document: int) -> str:
        """The id of a document."""
        start, end = self.id_offsets[document : document + 2]
        return bytes(self.ids[start:end]).decode("utf-8", "replace")

    def find(self, id: str) -> list[int]:
        """The documents with this id: one for each copy that is here, if only in part."""
        wanted = np.frombuffer(id.encode("utf-8", "surrogatepass"), np.uint8)
        alike = np.flatnonzero(np.diff(self.id_offsets) == len(wanted))
        for place in range(len(wanted) - 1, -1, -1):  # from the end: most ids begin alike
            alike = alike[self.ids[self.id_offsets[alike] + place] == wanted[place]]
        return [int(document) for document in alike]

    def take(self, documents: npt.NDArray[np.integer]) -> "Documents":
        """These documents, in this order."""
        ids, id_offsets = take_strings(self.ids, self.id_offsets, documents)
        return replace(
            self,
            ids=ids,
            id_offsets=id_offsets,
            copy=self.copy[documents],
            domain=self.domain[documents],
            source=self.source[documents],
            tokens=self.tokens[documents],
            layout=self.layout[documents],
            cuts=self.cuts[documents],
            drawn=None if self.drawn is None else self.drawn[documents],
        )


@dataclass(frozen=True)
class DocumentTable:
    """The documents of a shard, those that begin or end in another shard included, and where they stand in its rows.

    Arrays as in the module's table.
    """

    documents: Documents
    row_segments: Int64
    segment_document: Int32
    segment_start: Int64
    segment_length: Int32
    segment_column: Int32

    def segments(self, row: int) -> slice:
        """The segments of a row."""
        start, end = self.row_segments[row : row + 2]
        return slice(int(start), int(end))

    def find_begun(self) -> Int64:
        """The documents whose first token is in this shard: each drawn copy is one of those in exactly one shard."""
        first: Int64 = self.segment_document[self.segment_start == 0].astype(np.int64)
        return first

    def count_by_domain(self) -> dict[str, int]:
        """Tokens in this shard by domain, the largest first."""
        return self._count_tokens(self.documents.domains, self.documents.domain)

    def count_by_source(self) -> dict[str, int]:
        """Tokens in this shard by source, the largest first."""
        return self._count_tokens(self.documents.sources, self.documents.source)

    def save(self, file: BinaryIO) -> None:
        """Write the table."""
        documents = self.documents
        arrays: dict[str, npt.NDArray[Any]] = {
            "row_segments": self.row_segments,
            "segment_document": self.segment_document,
            "segment_start": self.segment_start,
            "segment_length": self.segment_length,
            "segment_column": self.segment_column,
            "tokens": documents.tokens,
            "copy": documents.copy,
            "domain": documents.domain,
            "source": documents.source,
            "layout": documents.layout,
            "ids": documents.ids,
            "id_offsets": documents.id_offsets,
        }
        if documents.layout.any():
            arrays["cuts"] = documents.cuts
        if documents.drawn is not None:
            arrays["drawn"] = documents.drawn
        metadata = {"domains": json.dumps(documents.domains), "sources": json.dumps(documents.sources)}
        save_arrays(file, arrays, metadata)

    def _count_tokens(self, names: Sequence[str], codes: Int32) -> dict[str, int]:
        sums = np.bincount(codes[self.segment_document], self.segment_length, len(names)).astype(np.int64)
        order = sorted(range(len(names)), key=lambda i: (-sums[i], names[i]))
        return {names[i]: int(sums[i]) for i in order if sums[i]}


def make_table(documents: Documents, segments: Segments, rows: int) -> DocumentTable:
    """The table of a shard of `rows` rows: of all documents those that the segments are of."""
    used, renumbered = np.unique(segments.document, return_inverse=True)
    return DocumentTable(
        documents=documents.take(used),
        row_segments=np.searchsorted(segments.row, np.arange(rows + 1)).astype(np.int64),
        segment_document=renumbered.astype(np.int32),
        segment_start=segments.start,
        segment_length=segments.length.astype(np.int32),
        segment_column=segments.column.astype(np.int32),
    )


def load_table(path: Path | str) -> DocumentTable:
    """Map a table into memory. Raises ValueError when it is cut short or no such table."""
    arrays, metadata = load_arrays(path)
    try:
        cuts = arrays.get("cuts")
        documents = Documents(
            ids=arrays["ids"],
            id_offsets=arrays["id_offsets"],
            copy=arrays["copy"],
            domain=arrays["domain"],
            source=arrays["source"],
            domains=json.loads(metadata["domains"]),
            sources=json.loads(metadata["sources"]),
            tokens=arrays["tokens"],
            layout=arrays["layout"],
            # zeros that take no memory
            cuts=np.broadcast_to(np.zeros(2, np.int64), (len(arrays["tokens"]), 2)) if cuts is None else cuts,
            drawn=arrays.get("drawn"),
        )
        return DocumentTable(
            documents=documents,
            row_segments=arrays["row_segments"],
            segment_document=arrays["segment_document"],
            segment_start=arrays["segment_start"],
            segment_length=arrays["segment_length"],
            segment_column=arrays["segment_column"],
        )
    except KeyError as error:
        raise ValueError(f"{path} is not a shard's table of documents: it has no {error.args[0]!r}") from None


def take_strings(data: UInt8, offsets: Int64, chosen: npt.NDArray[np.integer]) -> tuple[UInt8, Int64]:
    """Of the strings data[offsets[i]:offsets[i + 1]] those chosen, in that order: their bytes and offsets."""
    lengths = np.diff(offsets)[chosen]
    ends = np.cumsum(lengths)
    # each string's bytes: its start, repeated, plus a running number that begins anew with each string
    index = np.repeat(offsets[:-1][chosen] - (ends - lengths), lengths) + np.arange(int(ends[-1]) if len(ends) else 0)
    return data[index], np.concatenate([np.zeros(1, np.int64), ends]).astype(np.int64)
