"""How the documents that are kept became copies, tokens and rows: the table that `dspipe stats` shows, units named.

Each line follows from those above it, and the last ones are what a reader of the shards counts.
"""

from typing import Any

from dspipe.stages.pack.drawn import DrawnCounts
from dspipe.stages.pack.summary import PackedCounts


def training_data(drawn: DrawnCounts, packed: PackedCounts, row_length: int) -> list[dict[str, Any]]:
    """The lines: what, how many of it, how many tokens. Lines of nothing that was left out aren't there."""
    left_out = packed.dropped_documents
    lines: list[tuple[str, int | None, int]] = [
        ("documents kept, each once", drawn.documents, drawn.document_tokens),
        ("copies of them that are drawn", drawn.copies + drawn.empty, drawn.tokens),
        *([("copies without tokens, in no row", drawn.empty, 0)] if drawn.empty else []),
        ("special tokens added", None, packed.added),
        *([("tokens cropped from documents' ends", None, packed.cropped)] if packed.cropped else []),
        *([("copies, or parts, in a last row left out", left_out, packed.dropped)] if packed.dropped else []),
        ("copies in rows, with special tokens", packed.documents - left_out, packed.tokens),
        ("padding", None, packed.padding),
        (f"rows of {row_length:,} tokens", packed.rows, packed.rows * row_length),
    ]
    return [{"what": what, "number": number, "tokens": tokens} for what, number, tokens in lines]
