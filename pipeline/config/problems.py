"""Mistakes in a config: what is wrong with which key, where it was written, and what would be right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from dspipe.pipeline.config.suggestions import suggest
from dspipe.pipeline.config.wording import expected_kind, not_this, sentence
from dspipe.pipeline.config.yaml_lines import KeyPath
from dspipe.pipeline.storage.secrets import without_secrets


@dataclass(frozen=True)
class Problem:
    """One mistake in a config."""

    key: str
    message: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.key}: {self.message}" if self.key else f"{self.place}: {self.message}"


class InvalidConfigError(Exception):
    """The config has mistakes; all of them that could be found. Exit code 2."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Locator:
    """Where in the user's input a key comes from: the file and line, or the `--set` that gave it."""

    file: str
    lines: dict[KeyPath, int]
    edits: dict[KeyPath, str]

    def place(self, path: KeyPath) -> str:
        """`configs/cc.yaml:12`, or `--set seed=x`."""
        beneath = next((edit for at, edit in self.edits.items() if at[: len(path)] == path), None)
        if beneath is not None and path:
            return f"--set {beneath}"
        for length in range(len(path), -1, -1):
            if path[:length] in self.edits:
                return f"--set {self.edits[path[:length]]}"
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return f"{self.file}:{self.lines[path[:length]]}"
        return self.file

    def problem(self, path: KeyPath, message: str, values: Any) -> Problem:
        """A problem at a key path; items of `sources` and `stages` are shown by their names."""
        return Problem(shown_path(path, values), without_secrets(message), without_secrets(self.place(path)))


def validation_problems(
    error: ValidationError, prefix: KeyPath, where: Locator, values: Any, model: type[BaseModel]
) -> list[Problem]:
    """What is wrong with the values below `prefix`, a problem a key. Where a value may be of several kinds the library
    says for each of them why it isn't; that is one mistake."""
    inside = _at(values, prefix)
    messages: dict[KeyPath, str] = {}
    kinds: dict[KeyPath, list[str]] = {}
    for detail in error.errors(include_url=False):
        path = (*prefix, *_real_path(detail["loc"], inside, detail["type"] in ("missing", "extra_forbidden")))
        kind = expected_kind(detail)
        if kind is not None:
            kinds.setdefault(path, []).append(kind)
        elif detail["type"] == "extra_forbidden":
            allowed = _fields_at(model, detail["loc"][:-1])
            messages.setdefault(path, f"unknown key; {suggest(str(detail['loc'][-1]), allowed)}")
        else:
            messages.setdefault(path, sentence(detail))
    for path, expected in kinds.items():
        # of a list or a mapping, the form that it was meant to have is the one whose parts were looked at
        deeper = any(other[: len(path)] == path and other != path for other in (*messages, *kinds))
        if not deeper and path not in messages:
            names = " or ".join(dict.fromkeys(expected))
            messages[path] = f"expected {names}, {not_this(_at(values, path))}"
    return [where.problem(path, message, values) for path, message in messages.items()]


def _real_path(location: tuple[str | int, ...], value: Any, names_a_key: bool) -> KeyPath:
    """The part of a pydantic location that are keys of the user's values (unions add names of their own). The last may
    be a key that isn't there."""
    path: list[str | int] = []
    for index, part in enumerate(location):
        inside = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        )
        if inside:
            path.append(part)
            value = value[part]
        elif names_a_key and index == len(location) - 1 and isinstance(value, dict):
            path.append(part)
    return tuple(path)


def _at(values: Any, path: KeyPath) -> Any:
    for part in path:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values


def _fields_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    current: Any = model
    for part in location:
        if isinstance(part, str) and isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(part)
            current = _model_in(field.annotation) if field else None
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found is not None:
            return found
    return None


def shown_path(path: KeyPath, values: Any) -> str:
    """stages.minhash.bands rather than stages.7.minhash.bands; a stage by the name that it was given."""
    parts: list[str] = []
    own_name: str | None = None
    for part in path:
        named = isinstance(part, int) and isinstance(values, list) and part < len(values)
        item = values[part] if named else None
        if named and parts == ["stages"] and (isinstance(item, str) or (isinstance(item, dict) and len(item) == 1)):
            settings = next(iter(item.values())) if isinstance(item, dict) else None
            given = settings.get("name") if isinstance(settings, dict) else None
            own_name = given if isinstance(given, str) else None
        elif own_name is not None:
            parts.append(own_name)
            own_name = None
        elif named and isinstance(item, dict) and item.get("name"):
            parts.append(str(item["name"]))
        else:
            parts.append(str(part))
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            values = None
    return ".".join(parts)


def in_order(problems: list[Problem]) -> list[Problem]:
    def line(problem: Problem) -> int:
        number = problem.place.rpartition(":")[2]
        return int(number) if number.isdigit() else -1

    return sorted(dict.fromkeys(problems), key=line)
