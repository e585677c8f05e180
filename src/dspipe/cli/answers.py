"""How commands answer: tables on standard output, a sentence and an exit code where something is wrong."""

import sys
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console


def make_console() -> "Console":
    """The terminal; tables that go to a file or a pipe aren't cut to 80 columns."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160)


def refuse(message: str) -> NoReturn:
    """What the user gave is wrong: exit code 2."""
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(2)


def fail(message: str) -> NoReturn:
    """The work failed: exit code 1."""
    print(f"failed: {message}", file=sys.stderr)
    raise typer.Exit(1)
