"""How the classifier's commands answer: refusals, JSON, numbers in tables."""

import json
import math
from typing import Any, NoReturn

import typer

from dspipe.pipeline.visible_text import visible


def refuse(message: str) -> NoReturn:
    """Say what the user has to change, and end with 2."""
    typer.echo(visible(message), err=True)
    raise typer.Exit(2)


def warn(message: str) -> None:
    """A line on standard error."""
    typer.echo(visible(f"warning: {message}"), err=True)


def print_json(value: Any) -> None:
    """One JSON object; what isn't defined is null."""
    typer.echo(json.dumps(_defined(value)))


def number(value: float, form: str = ".4f") -> str:
    """A number, or a dash where it isn't defined."""
    return "-" if math.isnan(value) else format(value, form)


def _defined(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _defined(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_defined(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value
