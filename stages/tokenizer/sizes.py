"""How large each part of a shard is: bytes of kept text by domain and language."""

import json

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task

UNKNOWN = "unknown"
"""The language of documents that have none."""

Sizes = dict[str, dict[str, int]]
"""Bytes by domain and language."""


def sum_sizes(task: Task, stage: StageSettings) -> None:
    """Make the shard's part of the artifact `tokenizer_sizes`.

    Settings: copies, the column that says how often a document counts, or None: once.
    """
    copies: str | None = stage.settings["copies"]
    sizes: Sizes = {}
    for batch in task.rows(["text_bytes", "domain", "language", "reason", *([copies] if copies else [])]):
        kept = pa.Table.from_batches([batch.filter(pc.is_null(batch.column("reason")))])
        kept = kept.set_column(2, "language", pc.fill_null(kept.column("language"), UNKNOWN))
        if copies:
            kept = kept.set_column(0, "text_bytes", pc.multiply(kept.column("text_bytes"), kept.column(copies)))
        sums = kept.group_by(["domain", "language"]).aggregate([("text_bytes", "sum")])
        for row in sums.to_pylist():
            add_size(sizes, row["domain"], row["language"], row["text_bytes_sum"])
    ordered = {domain: dict(sorted(sizes[domain].items())) for domain in sorted(sizes)}
    with task.make("tokenizer_sizes") as file:
        file.write(json.dumps(ordered).encode())


def add_size(sizes: Sizes, domain: str, language: str, size: int) -> None:
    """Add to the bytes of a domain and language."""
    languages = sizes.setdefault(domain, {})
    languages[language] = languages.get(language, 0) + size
