"""The config: one YAML file and `--set` edits, validated as a whole before any work, with the line of every mistake."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.discovery import source_class, source_formats, stage_class, stage_names
from pipeline.source import Source
from pipeline.stage import ConfigError, Stage
from pipeline.units import ByteSize
from pipeline.yaml_lines import KeyPath, YamlError, parse_yaml


class EngineConfig(BaseModel):
    """Where and how tasks run. Nothing here changes the bytes of the result, but `memory`, `batch_rows` and
    `batch_bytes` decide how the work is cut, so a change of them does work again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["local", "ray", "inline"] = Field("local", description="worker processes, Ray, or this process")
    address: str | None = Field(None, description="a Ray cluster's address (`auto` on a cluster's node); ray only")
    workers: int | None = Field(None, gt=0, description="tasks at a time; default: the processors there are")
    memory: ByteSize = Field(2 << 30, description="bytes that one worker may use")
    batch_rows: int = Field(4096, gt=0, description="documents in a batch, at most")
    batch_bytes: ByteSize = Field(16 << 20, description="a batch ends when its text reaches this")
    retries: int = Field(2, ge=0, description="how often a task is tried again after a crash or a storage error")
    max_quarantined: float = Field(0.05, ge=0, le=1, description="a larger share of bad records fails the run")
    keep_stale: bool = Field(False, description="keep results of earlier configs when a run ends")

    @model_validator(mode="before")
    @classmethod
    def _kind_alone(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"kind": value}
        if isinstance(value, dict) and "kind" not in value:
            return {**value, "kind": "ray" if value.get("address") else "local"}
        return value

    @model_validator(mode="after")
    def _address_is_rays(self) -> "EngineConfig":
        if self.address is not None and self.kind != "ray":
            raise ValueError(f"an address is a Ray cluster's, but kind is {self.kind}")
        return self


class _TopLevel(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="what the run is called")
    output: str = Field(description="directory or address that the run writes under")
    seed: int = Field(0, ge=0, description="decides every shuffle and sample")
    engine: EngineConfig = Field(EngineConfig.model_validate("local"), description="local, ray, inline, or a mapping")
    sources: list[dict[str, Any]] = Field(min_length=1)
    stages: list[dict[str, Any] | str] = Field(min_length=1)

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not re.fullmatch(r"[\w.-]+", value):
            raise ValueError("letters, digits, '-', '_' and '.' only")
        return value


@dataclass(frozen=True)
class RunConfig:
    """A validated config. `stages` and `sources` are ready to use; `raw` is what a repeated run needs."""

    name: str
    output: str
    seed: int
    engine: EngineConfig
    sources: tuple[Source[Any], ...]
    stages: tuple[Stage[Any], ...]
    modules: tuple[str, ...]
    """the stages' keys in the config, in order"""
    raw: dict[str, Any]
    where: "Locator"


@dataclass(frozen=True)
class Problem:
    """One mistake in a config."""

    key: str
    message: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.key}: {self.message}" if self.key else f"{self.place}: {self.message}"


class InvalidConfig(Exception):
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
        return Problem(_shown(path, values), message, self.place(path))


def load_config(path: str | Path, edits: Sequence[str] = ()) -> RunConfig:
    """Read, edit and validate a config file. Raises InvalidConfig with every mistake found."""
    values, where = _read(Path(path), edits)
    return validate(values, where)


def validate(values: Any, where: Locator) -> RunConfig:
    """Validate a config's values: their form, then paths, models and combinations."""
    problems: list[Problem] = []
    top: _TopLevel | None = None
    try:
        top = _TopLevel.model_validate(values)
    except ValidationError as error:
        problems += _problems(error, (), where, values, _TopLevel)
    sources: list[Source[Any]] = []
    stages: list[Stage[Any]] = []
    modules: list[str] = []
    if isinstance(values, dict):
        sources = _sources(values.get("sources"), where, values, problems)
        stages, modules = _stages(values.get("stages"), values.get("seed", 0), where, values, problems)
    if problems or top is None:
        raise InvalidConfig(_in_order(problems))
    return RunConfig(
        top.name, top.output, top.seed, top.engine, tuple(sources), tuple(stages), tuple(modules), values, where
    )


def check(config: RunConfig) -> None:
    """Let every source and stage look at its paths, models and combinations. Raises InvalidConfig."""
    problems = []
    for index, source in enumerate(config.sources):
        try:
            source.check()
        except ConfigError as error:
            problems.append(config.where.problem(("sources", index, *error.key), str(error), config.raw))
    for index, (stage, module) in enumerate(zip(config.stages, config.modules, strict=True)):
        try:
            stage.check()
        except ConfigError as error:
            problems.append(config.where.problem(("stages", index, module, *error.key), str(error), config.raw))
    if problems:
        raise InvalidConfig(problems)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a config, for editors: every stage and source format with its settings."""
    top = _TopLevel.model_json_schema()
    definitions = top.setdefault("$defs", {})
    sources = []
    for format in source_formats():
        schema = source_class(format).Config.model_json_schema(ref_template="#/$defs/{model}")
        definitions.update(schema.pop("$defs", {}))
        schema["properties"]["format"] = {"const": format}
        sources.append(schema)
    stages = []
    for name in stage_names():
        schema = stage_class(name).Config.model_json_schema(ref_template="#/$defs/{model}")
        definitions.update(schema.pop("$defs", {}))
        stages.append(
            {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False}
        )
    top["properties"]["sources"]["items"] = {"anyOf": sources}
    top["properties"]["stages"]["items"] = {"anyOf": [*stages, {"enum": stage_names()}]}
    engine = {"anyOf": [{"enum": ["local", "ray", "inline"]}, {"$ref": "#/$defs/EngineConfig"}]}
    top["properties"]["engine"] = engine
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "title": "dspipe config"}


def _read(path: Path, edits: Sequence[str]) -> tuple[Any, Locator]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise InvalidConfig([Problem("", "no such file", str(path))]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig([Problem("", f"cannot be read: {error}", str(path))]) from None
    try:
        values, lines = parse_yaml(text)
    except YamlError as error:
        raise InvalidConfig([Problem("", f"not valid YAML: {error}", f"{path}:{error.line}")]) from None
    if not isinstance(values, dict):
        raise InvalidConfig([Problem("", "expected keys like name, output, sources, stages", f"{path}:1")])
    where = Locator(str(path), lines, {})
    for edit in edits:
        _apply(edit, values, where)
    return values, where


def _apply(edit: str, values: Any, where: Locator) -> None:
    """One `--set key.path=YAML`. Items of lists are named by their number, their `name` or their only key."""
    place = f"--set {edit}"
    key, equals, text = edit.partition("=")
    if not equals or not key:
        raise InvalidConfig([Problem("", "expected --set key.path=value", place)])
    try:
        value, _ = parse_yaml(text)
    except YamlError as error:
        raise InvalidConfig([Problem(key, f"not valid YAML: {error}", place)]) from None
    parts = key.split(".")
    if parts[0] == "engine" and len(parts) > 1 and isinstance(values.get("engine"), str):
        values["engine"] = {"kind": values["engine"]}
    target: Any = values
    path: tuple[Any, ...] = ()
    while parts:
        if isinstance(target, dict):
            step: tuple[Any, ...] = (parts[0],)
            parts = parts[1:]
        elif isinstance(target, list):
            step, parts = _item(target, parts)
            if not step:
                known = ", ".join(_item_names(target)) or "nothing"
                raise InvalidConfig([Problem(key, f"there is no {parts[0]}; there is {known}", place)])
        else:
            raise InvalidConfig([Problem(key, f"{'.'.join(map(str, path))} has no keys of its own", place)])
        path += step
        for index, part in enumerate(step):
            if not parts and index == len(step) - 1:
                target[part] = value
            elif isinstance(target, list) and isinstance(target[part], str):
                target[part] = {target[part]: {}}  # a stage written as a bare name gets settings
            elif isinstance(target, dict) and target.get(part) is None:
                target[part] = {}
            target = target[part]
    where.edits[path] = edit


def _item(items: list[Any], parts: list[str]) -> tuple[tuple[str | int, ...], list[str]]:
    """The item of a list that the first parts name, and the parts after them. A stage's own name may have dots."""
    if parts[0].isdigit() and int(parts[0]) < len(items):
        return (int(parts[0]),), parts[1:]
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[:length])
        for index, item in enumerate(items):
            if isinstance(item, dict) and item.get("name") == name:
                return (index,), parts[length:]
            if item == name or (isinstance(item, dict) and list(item) == [name]):
                # with nothing behind it, what a bare name stands for is set: its settings
                return (index, name), parts[length:]
    return (), parts


def _item_names(target: Any) -> list[str]:
    if not isinstance(target, list):
        return sorted(map(str, target)) if isinstance(target, dict) else []
    return [str(item.get("name") or next(iter(item), "")) if isinstance(item, dict) else str(item) for item in target]


def _sources(items: Any, where: Locator, values: Any, problems: list[Problem]) -> list[Source[Any]]:
    sources: list[Source[Any]] = []
    names: set[str] = set()
    for index, item in enumerate(items if isinstance(items, list) else []):
        path: KeyPath = ("sources", index)
        if not isinstance(item, dict):
            continue
        format = item.get("format")
        if format is None:
            problems.append(where.problem(path, f"needs a format: {', '.join(source_formats())}", values))
            continue
        try:
            kind = source_class(str(format))
        except KeyError:
            message = f"found {format!r}; {_suggest(str(format), source_formats())}"
            problems.append(where.problem((*path, "format"), message, values))
            continue
        try:
            source = kind(kind.Config.model_validate(item))
        except ValidationError as error:
            problems += _problems(error, path, where, values, kind.Config)
            continue
        if source.config.name in names:
            message = f"two sources are called {source.config.name}; names are part of document ids"
            problems.append(where.problem((*path, "name"), message, values))
        names.add(source.config.name)
        sources.append(source)
    return sources


def _stages(
    items: Any, seed: Any, where: Locator, values: Any, problems: list[Problem]
) -> tuple[list[Stage[Any]], list[str]]:
    stages: list[Stage[Any]] = []
    modules: list[str] = []
    for index, item in enumerate(items if isinstance(items, list) else []):
        name, settings = (item, None) if isinstance(item, str) else _only_key(item)
        path: KeyPath = ("stages", index)
        if name is None:
            problems.append(where.problem(path, "expected one stage, like `minhash: {bands: 14}`", values))
            continue
        try:
            kind = stage_class(name)
        except KeyError:
            problems.append(where.problem((*path, name), f"no such stage; {_suggest(name, stage_names())}", values))
            continue
        if name in modules:
            problems.append(where.problem((*path, name), "the stage is there twice", values))
            continue
        try:
            validated = kind.Config.model_validate({} if settings is None else settings)
        except ValidationError as error:
            problems += _problems(error, (*path, name), where, values, kind.Config)
            continue
        modules.append(name)
        stages.append(kind(name.rpartition(".")[2], validated, seed if isinstance(seed, int) else 0))
    return stages, modules


def _only_key(item: Any) -> tuple[str | None, Any]:
    return next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else (None, None)


def _problems(
    error: ValidationError, prefix: KeyPath, where: Locator, values: Any, model: type[BaseModel]
) -> list[Problem]:
    found: list[Problem] = []
    for detail in error.errors():
        path = (*prefix, *_real_path(detail["loc"], _at(values, prefix)))
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            allowed = _fields_at(model, detail["loc"][:-1])
            message = f"unknown key; {_suggest(str(detail['loc'][-1]), allowed)}"
        elif detail["type"] == "missing":
            message = "is missing"
        elif not isinstance(detail["input"], dict | list):
            message = f"found {detail['input']!r}; {message[0].lower() + message[1:]}"
        problem = where.problem(path, message, values)
        if problem not in found:
            found.append(problem)
    return found


def _real_path(location: tuple[str | int, ...], value: Any) -> KeyPath:
    """The part of a pydantic location that are keys of the user's values (unions add names of their own)."""
    path: list[str | int] = []
    for index, part in enumerate(location):
        inside = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        )
        if inside:
            path.append(part)
            value = value[part]
        elif index == len(location) - 1 and isinstance(value, dict):
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


def _suggest(found: str, allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(found, allowed, 1)
    names = ", ".join(sorted(allowed))
    return f"did you mean {close[0]}? Allowed: {names}" if close else f"allowed: {names}"


def _shown(path: KeyPath, values: Any) -> str:
    """stages.minhash.bands rather than stages.7.minhash.bands."""
    parts: list[str] = []
    for part in path:
        named = isinstance(part, int) and isinstance(values, list) and part < len(values)
        item = values[part] if named else None
        if named and parts == ["stages"] and (isinstance(item, str) or (isinstance(item, dict) and len(item) == 1)):
            pass
        elif named and isinstance(item, dict) and item.get("name"):
            parts.append(str(item["name"]))
        else:
            parts.append(str(part))
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            values = None
    return ".".join(parts)


def _in_order(problems: list[Problem]) -> list[Problem]:
    def line(problem: Problem) -> int:
        number = problem.place.rpartition(":")[2]
        return int(number) if number.isdigit() else -1

    return sorted(dict.fromkeys(problems), key=line)
