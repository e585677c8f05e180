"""What a report prints."""

import io
from typing import Any

from rich.console import Console


def text_of(show: Any, *arguments: Any) -> str:
    """What it prints for these arguments on 160 columns."""
    out = io.StringIO()
    show(*arguments, Console(file=out, width=160))
    return out.getvalue()
