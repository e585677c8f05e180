"""Input shards for the tests of the tokenizer's phases."""

from typing import Any

import pyarrow as pa

from dspipe.pipeline.tasks.origins import origins_of


def make_columns(documents: int = 60, group: int = 25) -> list[pa.RecordBatch]:
    """Documents 0, 1, ... of two words, of domains web and code in turn, every third with a language; every fifth is
    dropped. The column `copies` is 0, 1 or 2."""
    numbers = list(range(documents))
    columns: dict[str, Any] = {
        "origin": pa.array(origins_of("made", pa.array([f"line {n}" for n in numbers]))),
        "domain": [["web", "code"][n % 2] for n in numbers],
        "language": ["en" if n % 3 == 0 else None for n in numbers],
        "text": pa.array([f"word{n % 4} word" for n in numbers], pa.large_string()),
        "text_bytes": [10] * documents,
        "copies": [n % 3 for n in numbers],
        "reason": pa.array(["x.dropped" if n % 5 == 0 else None for n in numbers], pa.string()),
    }
    table = pa.table(columns)
    return [batch for start in range(0, documents, group) for batch in table.slice(start, group).to_batches()]
