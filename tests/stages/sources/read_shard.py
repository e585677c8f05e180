"""What sources read from in tests: local files, and lists of what was quarantined and counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from dspipe.pipeline.source import InputFile, Source, raw_schema


@dataclass
class LocalReading:
    """A Reading over the local file system."""

    batch_rows: int = 1000
    batch_bytes: int = 1 << 20
    memory: int = 1 << 30
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def open(self, file: InputFile) -> BinaryIO:
        return Path(file.path).open("rb")

    def bad(
        self,
        file: InputFile,
        place: str,
        error: str,
        id: str | None = None,
        url: str | None = None,
        records: int = 1,
        estimated: bool = False,
        record: bytes | bytearray | None = None,
    ) -> None:
        entry = {"file": file.name, "place": place, "error": error, "id": id, "url": url}
        self.quarantine.append({**entry, "records": records, "estimated": estimated})

    def skipped(self, reason: str, n: int = 1) -> None:
        self.counts[reason] += n


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
