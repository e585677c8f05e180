"""The config: one YAML file and `--set` edits, validated as a whole before any work, with the line of every mistake."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dspipe.pipeline.config.discovery import (
    OwnModuleError,
    check_settings_travel,
    find_module,
    source_class,
    source_formats,
    stage_class,
    stage_name,
    stage_names,
)
from dspipe.pipeline.config.edits import apply_edit
from dspipe.pipeline.config.problems import InvalidConfigError, Locator, Problem, in_order, validation_problems
from dspipe.pipeline.config.suggestions import suggest
from dspipe.pipeline.config.wording import not_this
from dspipe.pipeline.config.yaml_lines import KeyPath, YamlError, parse_yaml
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.quantities import ByteSize, Count, Seconds
from dspipe.pipeline.source import Source
from dspipe.pipeline.stage import NamedConfig, Stage


class EngineConfig(BaseModel):
    """Where and how tasks run. Nothing here changes the bytes of the result, but `memory`, `batch_rows` and
    `batch_bytes` decide how the work is cut, so a change of them does work again."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    kind: Literal["local", "ray", "inline"] = Field("local", description="worker processes, Ray, or this process")
    address: str | None = Field(None, description="a Ray cluster's address (`auto` on a cluster's node); ray only")
    workers: int | None = Field(None, gt=0, description="tasks at a time; default: the processors there are")
    memory: ByteSize = Field(
        2 << 30, description="bytes that one worker may use, beside the interpreter, its libraries and models"
    )
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
        1 << 17, description="an exchange of more senders times partitions goes through merged files"
    )
    index: bool = Field(
        True, description="leave an index of documents by id and URL: `dspipe explain` then reads next to nothing"
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
            raise ValueError(
                f"an address is a Ray cluster's, but kind is {self.kind}: write `kind: ray`, or leave it out"
            )
        return self


class TopLevel(BaseModel):
    """The top-level keys; sources and stages are validated by their own models."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: str = Field(description="what the run is called")
    output: str = Field(description="directory or address that the run writes under")
    seed: int = Field(0, ge=0, description="decides every shuffle and sample")
    engine: EngineConfig = Field(EngineConfig.model_validate("local"), description="local, ray, inline, or a mapping")
    page: bool = Field(
        False, description="leave `page.html` in the output at the end, as `dspipe stats --html` makes it"
    )
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
    page: bool
    sources: tuple[Source[Any], ...]
    stages: tuple[Stage[Any], ...]
    modules: tuple[str, ...]
    """the stages' keys in the config, in order"""
    raw: dict[str, Any]
    where: "Locator"


@dataclass
class Parts:
    """What of a config is valid by itself, each with its place in the file, and what isn't."""

    values: Any
    where: Locator
    top: TopLevel | None = None
    sources: list[tuple[int, Source[Any]]] = field(default_factory=list)
    stages: list[tuple[int, str, Stage[Any]]] = field(default_factory=list)
    """with the key in the config"""
    problems: list[Problem] = field(default_factory=list)

    def add_problem(self, path: KeyPath, message: str) -> None:
        """One more mistake, at a key path."""
        self.problems.append(self.where.problem(path, message, self.values))

    def config(self) -> RunConfig:
        """The config. Raises InvalidConfigError with every mistake found so far."""
        if self.problems or self.top is None:
            raise InvalidConfigError(in_order(self.problems))
        top = self.top
        sources = tuple(source for _, source in self.sources)
        stages, modules = tuple(stage for _, _, stage in self.stages), tuple(module for _, module, _ in self.stages)
        given = (top.name, top.output, top.seed, top.engine, top.page)
        return RunConfig(*given, sources, stages, modules, self.values, self.where)


def load_config(path: str | Path, edits: Sequence[str] = ()) -> RunConfig:
    """Read, edit and validate a config file. Raises InvalidConfigError with every mistake found."""
    return parse_file(path, edits).config()


def validate(values: Any, where: Locator) -> RunConfig:
    """Validate the form of a config's values. Raises InvalidConfigError."""
    return parse_values(values, where).config()


def parse_file(path: str | Path, edits: Sequence[str] = ()) -> Parts:
    """The parts of a config file. Raises InvalidConfigError where it has no parts: no such file, no YAML."""
    values, where = _read(Path(path), edits)
    return parse_values(values, where)


def parse_values(values: Any, where: Locator) -> Parts:
    """The parts of a config by their form, without a look at paths and models."""
    parts = _parse_top(values, where)
    if isinstance(values, dict):
        memory = (parts.top.engine if parts.top else EngineConfig.model_validate("local")).memory
        parts.sources = [(at, one.within(memory)) for at, one in _sources(values.get("sources"), parts)]
        parts.stages = _stages(values.get("stages"), values.get("seed", 0), parts)
    return parts


def parse_stages(values: Any, where: Locator, import_own: bool) -> Parts:
    """The top level and the stages, not the sources. Only `import_own` imports the stages' modules that are the user's
    own; else these are left out: whoever wrote a run's config decides what code is in them."""
    parts = _parse_top(values, where)
    if isinstance(values, dict):
        parts.stages = _stages(values.get("stages"), values.get("seed", 0), parts, import_own)
    return parts


def check(config: RunConfig) -> None:
    """Let every source and stage look at its paths, models and combinations. Raises InvalidConfigError."""
    parts = Parts(config.raw, config.where)
    parts.sources = list(enumerate(config.sources))
    parts.stages = [
        (index, module, stage) for index, (module, stage) in enumerate(zip(config.modules, config.stages, strict=True))
    ]
    check_parts(parts)
    if parts.problems:
        raise InvalidConfigError(parts.problems)


def check_parts(parts: Parts) -> None:
    """Let every source and stage that is valid by itself look at its paths, models and combinations."""
    stages = [stage for _, _, stage in parts.stages]
    extracted = any(stage.extracts for stage in stages)
    for index, source in parts.sources:
        if not source.holds_text and not extracted:
            message = f"{source.config.format} files hold pages whose text is to be extracted, and no stage does so"
            message += "; put `- extract: {}` first in `stages`, or read the text that was extracted already (wet)"
            parts.add_problem(("sources", index, "format"), message)
        try:
            check_settings_travel(source.config)
            source.check()
        except ConfigError as error:
            parts.add_problem(("sources", index, *error.key), str(error))
    for index, module, stage in parts.stages:
        try:
            check_settings_travel(stage.config)
            stage.check()
            if parts.top is None or parts.top.engine.kind != "ray":
                stage.check_machine()
            stage.check_beside(stages)
        except ConfigError as error:
            parts.add_problem(("stages", index, module, *error.key), str(error))


def _parse_top(values: Any, where: Locator) -> Parts:
    parts = Parts(values, where)
    try:
        parts.top = TopLevel.model_validate(values)
    except ValidationError as error:
        parts.problems += validation_problems(error, (), where, values, TopLevel)
    return parts


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


def _sources(items: Any, parts: Parts) -> Iterator[tuple[int, Source[Any]]]:
    names: set[str] = set()
    for index, item in enumerate(items if isinstance(items, list) else []):
        path: KeyPath = ("sources", index)
        if not isinstance(item, dict):
            continue
        format = item.get("format")
        if format is None:
            parts.add_problem(path, f"needs a format: {', '.join(source_formats())}")
            continue
        try:
            kind = source_class(str(format))
        except KeyError:
            parts.add_problem((*path, "format"), _no_such("format", str(format), source_formats()))
            continue
        except OwnModuleError as error:
            parts.add_problem((*path, "format"), str(error))
            continue
        try:
            source = kind(kind.Config.model_validate(item))
        except ValidationError as error:
            parts.problems += validation_problems(error, path, parts.where, parts.values, kind.Config)
            continue
        if source.config.name in names:
            message = f"two sources are called {source.config.name}; names are part of document ids"
            parts.add_problem((*path, "name"), message)
        names.add(source.config.name)
        yield index, source


def _stages(items: Any, seed: Any, parts: Parts, import_own: bool = True) -> list[tuple[int, str, Stage[Any]]]:
    stages: list[tuple[int, str, Stage[Any]]] = []
    for index, item in enumerate(items if isinstance(items, list) else []):
        name, settings = (item, None) if isinstance(item, str) else _only_key(item)
        path: KeyPath = ("stages", index)
        if name is None:
            found = f", not {', '.join(map(str, item))} in one" if isinstance(item, dict) and item else ""
            parts.add_problem(path, f"expected one stage an item, like `minhash: {{bands: 14}}`{found}")
            continue
        path = (*path, name)
        if "." in name and not import_own:
            continue
        try:
            kind = stage_class(name)
        except KeyError:
            parts.add_problem(path, _no_such("stage", name, stage_names()))
            continue
        except OwnModuleError as error:
            parts.add_problem(path, str(error))
            continue
        if settings is not None and not isinstance(settings, dict):
            parts.add_problem(path, f"expected settings, like {{key: value}}, {not_this(settings)}")
            continue
        try:
            validated = kind.Config.model_validate({} if settings is None else settings)
        except ValidationError as error:
            parts.problems += validation_problems(error, path, parts.where, parts.values, kind.Config)
            continue
        called = stage_name(name, validated)
        if any(called == other.name for _, _, other in stages):
            named = isinstance(validated, NamedConfig)
            way_out = f"; give one a `name` of its own, as in `{name}: {{name: {called}.second, ...}}`" if named else ""
            parts.add_problem(path, f"the stage{f' {called}' if named else ''} is there twice{way_out}")
            continue
        stage = kind(called, validated, seed if isinstance(seed, int) else 0)
        stages.append((index, name, stage))
    return stages


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
