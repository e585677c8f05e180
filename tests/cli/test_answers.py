"""How wide tables are where nobody watches."""

import io
import sys

import pytest

from dspipe.cli.answers import make_console


@pytest.mark.parametrize(("columns", "width"), [(None, 160), ("", 160), ("wide", 160), ("97", 97), ("240", 240)])
def test_tables_in_a_pipe_are_as_wide_as_columns_says(
    columns: str | None, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    assert make_console().width == width
