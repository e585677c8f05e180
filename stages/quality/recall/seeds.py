"""The positive documents that a recall begins with."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dspipe.pipeline.config.suggestions import suggest
from dspipe.pipeline.errors import ConfigError
from dspipe.stages.shared.json_lines import json_objects
from dspipe.stages.shared.path_patterns import files_matching

_ORIGINS = ("url", "source")
"""fields that tell pages of one site from those of others, where the seeds have them"""


def find_seed_files(patterns: list[str]) -> list[Path]:
    """The files of paths and globs, sorted, each once. Raises ConfigError for one that names none."""
    found: set[Path] = set()
    for pattern in patterns:
        path = Path(pattern).expanduser().absolute()
        files = [path] if path.is_file() else files_matching(path, ("seed",))
        if not files:
            raise ConfigError(f"no file {pattern}", ("seed",))
        found.update(files)
    return sorted(found)


def digest_seeds(files: list[Path]) -> str:
    """A hash of the files' bytes, whatever they are called."""
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def read_seeds(files: list[Path], field: str) -> Iterator[dict[str, Any]]:
    """The seeds with a text, as {"text", and "url" or "source" where known}. Raises ConfigError."""
    for path in files:
        for place, item in _parquet_rows(path, field) if path.suffix == ".parquet" else json_objects(path, ("seed",)):
            text = item.get(field)
            if not isinstance(text, str):
                names = ", ".join(sorted(map(str, item))[:12])
                raise ConfigError(
                    f"{path}, row {place}: no text in the field {field}; its fields are {names}", ("field",)
                )
            if text.strip():
                yield {"text": text, **{name: item[name] for name in _ORIGINS if isinstance(item.get(name), str)}}


def _parquet_rows(path: Path, field: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if field not in names:
                raise ConfigError(f"{path}: there is no column {field}; {suggest(field, names)}", ("field",))
            wanted = [field, *(name for name in _ORIGINS if name in names and name != field)]
            row = 0
            for batch in file.iter_batches(1024, columns=wanted):
                for item in batch.to_pylist():
                    row += 1
                    yield row, item
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(f"{path}: cannot be read: {str(error).partition(chr(10))[0]}", ("seed",)) from None
