"""How the documents that are kept became copies, tokens and rows: the table that `dspipe stats` shows, units named.

Each line follows from those above it, and the last ones are what a reader of the shards counts.
"""

from typing import Any

from dspipe.stages.pack.drawn import DrawnCounts
from dspipe.stages.pack.summary import PackedCounts


def training_data(drawn: DrawnCounts, packed: PackedCounts, row_length: int) -> list[dict[str, Any]]:
    """The lines: what, how many of it, how many tokens. Lines of nothing that was left out aren't there."""
    lines = [
        ("documents kept, each once", drawn.documents, drawn.document_tokens),
        ("copies of them that are drawn", drawn.copies + drawn.empty, drawn.tokens),
        ("copies without tokens, in no row", drawn.empty, 0),
        ("special tokens added", None, packed.added),
        ("tokens cropped from documents' ends", None, packed.cropped),
        ("copies, or parts, in a last row left out", packed.dropped_documents, packed.dropped),
        ("copies in rows, with special tokens", packed.documents - packed.dropped_documents, packed.tokens),
        ("padding", None, packed.padding),
        (f"rows of {row_length:,} tokens", packed.rows, packed.rows * row_length),
    ]
    optional = {lines[2][0]: drawn.empty, lines[4][0]: packed.cropped, lines[5][0]: packed.dropped}
    return [{"what": what, "number": n, "tokens": tokens} for what, n, tokens in lines if optional.get(what, 1)]
