"""How commands answer: tables on standard output, a sentence and an exit code where something is wrong."""

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, NoReturn

import typer

from dspipe.pipeline.visible_text import visible

if TYPE_CHECKING:
    from rich.console import Console


def make_console() -> "Console":
    """The terminal; tables that go to a file or a pipe aren't cut to 80 columns, but to COLUMNS where that is set."""
    from rich.console import Console

    said = os.environ.get("COLUMNS", "").isdecimal()  # rich obeys it
    return Console(width=None if sys.stdout.isatty() or said else 160)


def refuse(message: str) -> NoReturn:
    """What the user gave is wrong: exit code 2."""
    _tell(f"error: {message}")
    raise typer.Exit(2)


def fail(message: str) -> NoReturn:
    """The work failed: exit code 1."""
    _tell(f"failed: {message}")
    raise typer.Exit(1)


def _tell(message: str) -> None:
    """On a terminal, lines break between words; elsewhere a sentence stays one line."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        lines = (
            textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) for line in message.split("\n")
        )
        message = "\n".join("\n".join(part) for part in lines)
    print(visible(message), file=sys.stderr)
