"""Templates of HTML in which nothing that a value says becomes markup, and controls are written out."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dspipe.pipeline.quantities import human_bytes, human_seconds
from dspipe.pipeline.report.tables import lines
from dspipe.pipeline.visible_text import visible


def escaping_templates(folder: Path) -> Environment:
    """The templates of a folder, with the filters `bytes`, `seconds` and `share` and the function `lines`; a name that
    there isn't is an error."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["lines"] = lines
    made.filters |= {"bytes": human_bytes, "seconds": human_seconds, "share": _share}
    return made


def _shown(value: Any) -> Any:
    """What a template puts on the page for a value, before it is escaped."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else ""
