"""What the validation library found wrong, in words for the author of a config: what was expected, and what stands."""

import re
from typing import Any

from pydantic_core import ErrorDetails

from dspipe.pipeline.config.suggestions import near

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "string": "text",
    "bool": "true or false",
    "list": "a list, like [a, b]",
    "tuple": "a list, like [a, b]",
    "set": "a list, like [a, b]",
    "frozen": "a list, like [a, b]",
    "dict": "a mapping, like {key: value}",
    "mapping": "a mapping, like {key: value}",
    "model": "settings, like {key: value}",
}
"""what is expected, by the first word of the library's name for the error"""


def expected_kind(detail: ErrorDetails) -> str | None:
    """What kind of value is expected where one of another kind stands; None where that isn't what is wrong."""
    kind, _, rest = detail["type"].partition("_")
    if kind in _KINDS and rest in ("type", "parsing", "parsing_size", "from_float", "number", "attributes_type"):
        return _KINDS[kind]
    if kind == "frozen" and rest == "set_type":
        return _KINDS[kind]
    return None


def not_this(value: Any) -> str:
    """`not 'x'`, for the end of a sentence."""
    if value is None:
        return "not nothing"
    if isinstance(value, dict | list | tuple):
        kind = "a mapping" if isinstance(value, dict) else "a list"
        return f"not {kind}" if value else f"not an empty {kind[2:]}"
    return f"not {str(value).lower() if isinstance(value, bool) else repr(value)}"


def sentence(detail: ErrorDetails) -> str:
    """What is expected and what was found, or what a check of ours says."""
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind in ("literal_error", "enum"):
        names = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        close = near(str(value), names)
        wanted = f"expected {', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else f"expected {names[0]}"
        return f"{wanted}, {not_this(value)}" + (f"; did you mean {close}?" if close else "")
    bounds = {
        "greater_than": ("gt", "more than {}"),
        "greater_than_equal": ("ge", "{} or more"),
        "less_than": ("lt", "less than {}"),
        "less_than_equal": ("le", "at most {}"),
    }
    if kind in bounds:
        name, form = bounds[kind]
        limit = context[name]
        said = f"expected {form.format(f'{limit:,}' if isinstance(limit, int) else f'{limit:g}')}, {not_this(value)}"
        percent = name in ("le", "lt") and limit == 1 and isinstance(value, int | float) and 1 < value <= 100
        return f"{said}: {value:g} % is {value / 100:g}" if percent else said
    if kind == "string_too_short":
        return "is empty"
    if kind == "too_short":
        least = context["min_length"]
        return f"expected at least {'one' if least == 1 else least}, {not_this(value)}"
    if kind == "too_long":
        return f"expected at most {context['max_length']}, not {context['actual_length']}"
    message = detail["msg"].removeprefix("Value error, ")
    if isinstance(value, dict | list) or message.startswith("expected"):
        return message
    return f"found {value!r}; {message[0].lower() + message[1:]}"
