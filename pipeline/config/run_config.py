"""The config: one YAML file and `--set` edits, validated as a whole before any work, with the line of every mistake."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dspipe.pipeline.config.discovery import (
    check_settings_travel,
    find_module,
    source_class,
    source_formats,
    stage_class,
    stage_names,
)
from dspipe.pipeline.config.edits import apply_edit
from dspipe.pipeline.config.problems import InvalidConfigError, Locator, Problem, in_order, suggest, validation_problems
from dspipe.pipeline.config.yaml_lines import KeyPath, YamlError, parse_yaml
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.quantities import ByteSize, Count, Seconds
from dspipe.pipeline.source import Source
from dspipe.pipeline.stage import Stage


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
    deadline: float = Field(
        60,
        gt=0,
        description="seconds that stages may take for a batch; a document that takes longer is quarantined",
    )
    patience: Seconds = Field(
        1800, description="how long storage that doesn't answer, or refuses what it permitted before, is waited for"
    )
    retries: int = Field(2, ge=0, description="how often a task is tried again after a crash or a storage error")
    max_quarantined: float = Field(
        0.05, ge=0, le=1, description="a larger share of bad records, of all or of one source, fails the run"
    )
    max_quarantined_of_shard: float = Field(
        0.5,
        ge=0,
        le=1,
        description="where stages fail on a larger share of a shard's documents, the shard is tried again and then "
        "fails the run: it is hardly all the documents' fault",
    )
    merge_above: Count = Field(
        1 << 20, description="an exchange of more senders times partitions goes through merged files"
    )
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


class TopLevel(BaseModel):
    """The top-level keys; sources and stages are validated by their own models."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="what the run is called")
    output: str = Field(description="directory or address that the run writes under")
    seed: int = Field(0, ge=0, description="decides every shuffle and sample")
    engine: EngineConfig = Field(EngineConfig.model_validate("local"), description="local, ray, inline, or a mapping")
    sources: list[dict[str, Any]] = Field(
        min_length=1, description="what is read: each a mapping with name, format, path"
    )
    stages: list[dict[str, Any] | str] = Field(min_length=1, description="what happens to documents, in this order")

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


def load_config(path: str | Path, edits: Sequence[str] = ()) -> RunConfig:
    """Read, edit and validate a config file. Raises InvalidConfigError with every mistake found."""
    values, where = _read(Path(path), edits)
    return validate(values, where)


def validate(values: Any, where: Locator) -> RunConfig:
    """Validate a config's values: their form, then paths, models and combinations."""
    problems: list[Problem] = []
    top: TopLevel | None = None
    try:
        top = TopLevel.model_validate(values)
    except ValidationError as error:
        problems += validation_problems(error, (), where, values, TopLevel)
    sources: list[Source[Any]] = []
    stages: list[Stage[Any]] = []
    modules: list[str] = []
    if isinstance(values, dict):
        sources = _sources(values.get("sources"), where, values, problems)
        stages, modules = _stages(values.get("stages"), values.get("seed", 0), where, values, problems)
    if problems or top is None:
        raise InvalidConfigError(in_order(problems))
    fitting = tuple(source.within(top.engine.memory) for source in sources)
    return RunConfig(top.name, top.output, top.seed, top.engine, fitting, tuple(stages), tuple(modules), values, where)


def check(config: RunConfig) -> None:
    """Let every source and stage look at its paths, models and combinations. Raises InvalidConfigError."""
    problems = []
    extracted = any(stage.extracts for stage in config.stages)
    for index, source in enumerate(config.sources):
        if not source.holds_text and not extracted:
            message = f"{source.config.format} files hold pages whose text is to be extracted, and no stage does so"
            message += "; put `- extract: {}` first in `stages`, or read the text that was extracted already (wet)"
            problems.append(config.where.problem(("sources", index, "format"), message, config.raw))
        try:
            check_settings_travel(source.config)
            source.check()
        except ConfigError as error:
            problems.append(config.where.problem(("sources", index, *error.key), str(error), config.raw))
    for index, (stage, module) in enumerate(zip(config.stages, config.modules, strict=True)):
        try:
            check_settings_travel(stage.config)
            stage.check()
        except ConfigError as error:
            problems.append(config.where.problem(("stages", index, module, *error.key), str(error), config.raw))
    if problems:
        raise InvalidConfigError(problems)


def _read(path: Path, edits: Sequence[str]) -> tuple[Any, Locator]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise InvalidConfigError([Problem("", "no such file", str(path))]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfigError([Problem("", f"cannot be read: {error}", str(path))]) from None
    try:
        values, lines = parse_yaml(text)
    except YamlError as error:
        raise InvalidConfigError([Problem("", f"not valid YAML: {error}", f"{path}:{error.line}")]) from None
    if not isinstance(values, dict):
        raise InvalidConfigError([Problem("", "expected keys like name, output, sources, stages", f"{path}:1")])
    where = Locator(str(path), lines, {})
    for edit in edits:
        apply_edit(edit, values, where)
    return values, where


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
            message = _no_such("format", str(format), source_formats())
            problems.append(where.problem((*path, "format"), message, values))
            continue
        try:
            source = kind(kind.Config.model_validate(item))
        except ValidationError as error:
            problems += validation_problems(error, path, where, values, kind.Config)
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
            problems.append(where.problem((*path, name), _no_such("stage", name, stage_names()), values))
            continue
        if name in modules:
            problems.append(where.problem((*path, name), "the stage is there twice", values))
            continue
        try:
            validated = kind.Config.model_validate({} if settings is None else settings)
        except ValidationError as error:
            problems += validation_problems(error, (*path, name), where, values, kind.Config)
            continue
        modules.append(name)
        stages.append(kind(name.rpartition(".")[2], validated, seed if isinstance(seed, int) else 0))
    return stages, modules


def _only_key(item: Any) -> tuple[str | None, Any]:
    return next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else (None, None)


def _no_such(what: str, name: str, known: list[str]) -> str:
    if "." not in name:
        return (
            f"no such {what}; {suggest(name, known)}" if what == "stage" else f"found {name!r}; {suggest(name, known)}"
        )
    if not find_module(name):
        return f"no module {name} is found on Python's path; put the folder that it lies in on PYTHONPATH"
    return f"the module {name} holds no {what}, or more than one: it needs one class derived from dspipe's"
