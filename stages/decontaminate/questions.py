"""The questions of benchmark files, whatever their fields are called."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.shared.json_lines import json_objects

_CONTEXTS = ("passage", "context", "article")
_QUESTIONS = ("question", "prompt", "problem", "query", "text", "content")
_IDS = ("task_id", "id", "question_id")


def questions(path: Path, fields: tuple[str, ...] | None) -> Iterator[tuple[str, str]]:
    """(id, text) of the questions of a benchmark file: one JSON object a line. Raises ConfigError for other lines."""
    for number, item in json_objects(path, ("against",)):
        values = _by_lower_name(item)
        if fields is not None:
            names = [name for name in map(str.lower, fields) if values.get(name) is not None]
        else:
            names = [*_first(values, _CONTEXTS), *_first(values, _QUESTIONS)]
        if not names:
            wanted, there = ", ".join(fields or _QUESTIONS), ", ".join(item) or "none"
            message = (
                f"{path}, line {number}: none of the fields {wanted}; there are {there}. Name those with the question"
            )
            raise ConfigError(f"{message} in `fields`", ("against",))
        name = next((str(values[key]) for key in _IDS if values.get(key) is not None), f"line {number}")
        yield name, "\n".join(_text(values[name]) for name in names)


def _by_lower_name(item: dict[str, Any]) -> dict[str, Any]:
    """The fields by their names in lower case; of two that differ in case alone the first that holds something."""
    values: dict[str, Any] = {}
    for name, value in item.items():
        if values.get(name.lower()) in (None, "", "None"):
            values[name.lower()] = value
    return values


def _first(values: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    # some files write a missing passage as the string "None"
    return [name for name in names if values.get(name) not in (None, "", "None")][:1]


def _text(value: object) -> str:
    return "\n".join(map(_text, value)) if isinstance(value, list) else str(value)
