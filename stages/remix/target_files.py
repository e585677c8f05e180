"""The files with the examples of a target."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from dspipe.stages.shared.path_patterns import files_matching


def find_files(patterns: Sequence[str]) -> list[Path]:
    """The files that the patterns name, in order. Raises FileNotFoundError for a pattern that names none, ConfigError
    for what is no pattern."""
    files: list[Path] = []
    for pattern in patterns:
        path = Path(pattern).absolute()
        if path.is_dir():
            raise IsADirectoryError(f"{pattern} is a folder; name its files: {pattern.rstrip('/')}/*.jsonl")
        found = [path] if path.is_file() else files_matching(path, ("importance", "target"))
        if not found:
            raise FileNotFoundError(f"no file {pattern}")
        files += found
    return files


def hash_files(files: Sequence[Path]) -> str:
    """A sha256 of the files' contents."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
