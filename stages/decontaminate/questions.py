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
        if fields is not None:
            names = [name for name in fields if item.get(name) is not None]
        else:
            names = [*_first(item, _CONTEXTS), *_first(item, _QUESTIONS)]
        if not names:
            wanted = ", ".join(fields or _QUESTIONS)
            raise ConfigError(f"{path}, line {number}: none of the fields {wanted}", ("against",))
        name = next((str(item[key]) for key in _IDS if item.get(key) is not None), f"line {number}")
        yield name, "\n".join(_text(item[name]) for name in names)


def _first(item: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    # some files write a missing passage as the string "None"
    return [name for name in names if item.get(name) not in (None, "", "None")][:1]


def _text(value: object) -> str:
    return "\n".join(map(_text, value)) if isinstance(value, list) else str(value)
