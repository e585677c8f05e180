"""HTML from templates, JSON, errors as a sentence. Whatever a value says is escaped, controls are written out."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import HTMLResponse, JSONResponse, Response

from dspipe.page.escaping_templates import escaping_templates
from dspipe.pipeline.quantities import human_number
from dspipe.pipeline.visible_text import visible

HERE = Path(__file__).parent


def address(run: str, page: str = "", **query: Any) -> str:
    """The address of a page of a run; what is None or empty is left out of the query."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    path = f"/run/{quote(run, safe='')}/{page}"
    return f"{path}?{urlencode(given)}" if given else path


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return human_number(value)


TEMPLATES = escaping_templates(HERE / "templates")
TEMPLATES.globals["address"] = address
TEMPLATES.filters["number"] = _number


def page(template: str, status: int = 200, /, **values: Any) -> Response:
    """A page from a template."""
    return HTMLResponse(TEMPLATES.get_template(template).render(values), status)


def answer(value: Any, status: int = 200) -> Response:
    """JSON whose strings a script may show as they are: controls are written out."""
    return JSONResponse(_visible(value), status)


def problem(sentence: str, status: int, as_json: bool) -> Response:
    """What went wrong, as a page or as JSON."""
    if as_json:
        return answer({"error": sentence}, status)
    return page("problem.html", status, sentence=sentence, status=status)


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible(str(name)): _visible(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_visible(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):  # JSON has no word for it
        return None
    return value
