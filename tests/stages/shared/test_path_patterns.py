"""Paths with wildcards."""

from pathlib import Path

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.shared.path_patterns import files_matching


def test_files_of_a_pattern(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "deep/er/c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_matching(f"{tmp_path}/*.txt") == [tmp_path / "a.txt", tmp_path / "b.txt"]
    assert len(files_matching(f"{tmp_path}/**/*.txt")) == 3
    assert files_matching(f"{tmp_path}/x*") == []
    with pytest.raises(ConfigError, match=r"`\*\*` must stand alone"):
        files_matching(f"{tmp_path}/***.txt")
