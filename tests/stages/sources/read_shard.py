"""Reading local files through a source in tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from dspipe.pipeline.source import InputFile, Source, raw_schema
from dspipe.testing import LocalReading


def input_file(path: Path, name: str | None = None) -> InputFile:
    """The input file at a path, named by its last part."""
    return InputFile(str(path), name or path.name, path.stat().st_size, "")


def read_all(
    source: Source[Any], paths: Sequence[Path], reading: LocalReading | None = None
) -> tuple[list[dict[str, Any]], LocalReading]:
    """All documents of the files as dictionaries, after checks of what every source promises."""
    reading = reading or LocalReading()
    rows: list[dict[str, Any]] = []
    for batch in source.read([input_file(path) for path in paths], reading):
        assert isinstance(batch, pa.RecordBatch)
        assert batch.schema == raw_schema()
        assert 0 < batch.num_rows <= reading.batch_rows
        batch.validate(full=True)
        documents = batch.to_pylist()
        sizes = [len(row["text"].encode()) if row["text"] else len(row["content"] or b"") for row in documents]
        assert sum(sizes[:-1]) < reading.batch_bytes
        assert all("\0" not in (row["text"] or "") for row in documents)
        rows += documents
    return rows, reading
