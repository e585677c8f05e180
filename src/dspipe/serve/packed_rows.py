"""Packed rows as people read them: which document stands where, and the text that its tokens are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dspipe.pipeline.storage.store import Store
from dspipe.stages.pack.reading.shard_files import Shards

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_TOKENIZER = "tokenizer.json"
_TOKENS_SHOWN = 32_768
"""of a row"""


@dataclass(frozen=True)
class PackedRows:
    """The packed rows of a run, and the tokenizer that its tokens are of."""

    shards: Shards
    tokenizer: "Tokenizer | None"
    """None: the run has none, and token ids are shown"""


@dataclass(frozen=True)
class Segment:
    """A part of a document in a row, or the padding behind all of them."""

    id: str
    """of the document; empty: padding"""
    domain: str
    copy: int
    start: int
    """its first token within the document's"""
    column: int
    """its first token within the row"""
    length: int
    whole: int
    """tokens of the whole document"""
    text: str


@dataclass(frozen=True)
class PackedRow:
    """A row."""

    number: int
    shard: int
    file: str
    segments: list[Segment]
    left_out: int
    """tokens at its end that aren't decoded"""


def open_rows(root: str) -> PackedRows:
    """The rows that a run has packed. Raises ShardError."""
    from tokenizers import Tokenizer

    shards = Shards(root)
    store = Store(root)
    found = Tokenizer.from_buffer(store.read_bytes(_TOKENIZER)) if store.exists(_TOKENIZER) else None
    return PackedRows(shards, found)


def read_row(rows: PackedRows, number: int) -> PackedRow:
    """A row by its number among all. Raises IndexError, ShardError."""
    if not 0 <= number < rows.shards.rows:
        raise IndexError(f"there is no row {number:,}: there are {rows.shards.rows:,}, the first is 0")
    shard, row = rows.shards.find_row(number)
    tokens = np.asarray(rows.shards.tokens(shard)[row])
    table = rows.shards.table(shard)
    documents, found, filled = table.documents, [], 0
    place = table.segments(row)
    for segment in range(place.start, place.stop):
        column, length = int(table.segment_column[segment]), int(table.segment_length[segment])
        document = int(table.segment_document[segment])
        filled = column + length
        found.append(
            Segment(
                id=documents.id(document),
                domain=documents.domains[int(documents.domain[document])],
                copy=int(documents.copy[document]),
                start=int(table.segment_start[segment]),
                column=column,
                length=length,
                whole=int(documents.tokens[document]),
                text=_decode(rows.tokenizer, tokens[column : min(column + length, _TOKENS_SHOWN)].tolist()),
            )
        )
    if filled < len(tokens):
        found.append(Segment("", "", 0, 0, filled, len(tokens) - filled, 0, ""))
    return PackedRow(number, shard, rows.shards.rows_file(shard).name, found, max(0, len(tokens) - _TOKENS_SHOWN))


def _decode(tokenizer: "Tokenizer | None", ids: Sequence[int]) -> str:
    if tokenizer is None:
        return " ".join(map(str, ids))
    return str(tokenizer.decode(ids, skip_special_tokens=False))
