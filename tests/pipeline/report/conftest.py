"""A small run to look at."""

from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.run.test_run import config, corpus


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    """Two shards: a bad record, a text that is too short, and one that is there twice."""
    corpus(tmp_path / "in", [["alpha one", "do RAISE here", "abc"], ["alpha one", "beta two"]])
    return config(tmp_path)
