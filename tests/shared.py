"""Real data that developers have beside the checkout, and users don't: tests that need it skip."""

from pathlib import Path

import pytest

DATA = Path(__file__).parent.parent.parent / "shared" / "data"


def shared(name: str) -> Path:
    """The path of a shared data file or folder; skips the test where it is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"needs the shared data file {name}, which is not part of the project")
    return path
