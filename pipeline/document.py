"""A document as the engine keeps it: the columns that each has, and those that stages add."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from dspipe.pipeline.source import raw_schema
from dspipe.pipeline.stage import Stage

DOCUMENT = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("date", pa.string()),
        pa.field("dump", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("domain", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("place", pa.string(), nullable=False),
        pa.field("origin", pa.uint64(), nullable=False),
        pa.field("text", pa.large_string()),
        pa.field("text_bytes", pa.int64(), nullable=False),
    ]
)
"""The columns that every document has after the text pass. `place` says where in its source it is, `origin` is a hash
of both (`pipeline.tasks.origins`): unlike `id`, which the data gives, it differs from document to document. `text` is
null where a stage dropped the document `early`; `text_bytes` counts its UTF-8 bytes all the same."""


def document_schema(stages: Sequence[Stage[Any]], taken: Iterable[pa.Field] = ()) -> pa.Schema:
    """The columns that the text pass writes: the documents' own, what they have `taken` along from the sources' files,
    then what each stage measures."""
    schema = pa.schema([*DOCUMENT, *taken])
    for stage in stages:
        for field in stage.measured_columns():
            index = schema.get_field_index(field.name)
            schema = schema.set(index, field) if index >= 0 else schema.append(field)
    return schema


def measured_schema() -> pa.Schema:
    """The columns of the batches that `measure` is given: the documents' own and the raw content."""
    return DOCUMENT.append(raw_schema().field("content")).append(raw_schema().field("content_type"))


def document_batch(texts: list[str], **columns: list[Any]) -> pa.RecordBatch:
    """Documents as `measure` sees them, from their texts; other columns by name, else plain values."""
    n = len(texts)
    values: dict[str, list[Any]] = {
        "id": [f"x:{row}" for row in range(n)],
        "source": ["x"] * n,
        "domain": ["x"] * n,
        "place": [f"row {row}" for row in range(n)],
        "origin": list(range(n)),
        "text": texts,
        "text_bytes": [len(text.encode()) for text in texts],
        **columns,
    }
    schema = measured_schema()
    arrays = [pa.array(values.get(field.name, [None] * n), field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def example_batch() -> pa.RecordBatch:
    """Two small documents as `measure` sees them."""
    return document_batch(
        ["One short document, with two sentences. This is the second one.\n\nAnd a paragraph.", "短い文書。"]
    )
