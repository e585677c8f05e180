"""JSON lines files that a config or a command names, plain or compressed."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dspipe.pipeline.errors import ConfigError
from dspipe.tokenizer.compressed_files import open_decompressed

Key = tuple[str | int, ...]


def json_objects(path: Path, key: Key = ()) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of the lines of a .jsonl, .jsonl.gz or .jsonl.zst file; empty lines are left out.

    Raises ConfigError, with `key`, for a file that cannot be read and for a line that is no JSON object.
    """
    for number, line in enumerate(_lines(path, key), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"{path}, line {number}: not JSON: {error}", key) from error
        if not isinstance(item, dict):
            raise ConfigError(f"{path}, line {number}: not a JSON object", key)
        yield number, item


def _lines(path: Path, key: Key) -> Iterator[bytes]:
    try:
        with open_decompressed(path) as lines:
            yield from lines
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}", key) from error
