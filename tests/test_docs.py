"""The documentation and the code say the same: settings, stages, formats, commands, links, examples of configs."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from docs.generate import SCHEMA, TABLE, all_tables, commands, schema, write
from dspipe.pipeline.config.discovery import source_class, source_formats, stage_class, stage_names
from dspipe.pipeline.config.problems import Locator
from dspipe.pipeline.config.run_config import EngineConfig, TopLevel, validate
from dspipe.pipeline.source import SourceConfig
from dspipe.pipeline.stage import MapConfig

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *sorted(DOCS.glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TRAINERS_PACKAGES = ("torch", "streaming")
"""what a trainer has and tests needn't"""
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def fenced(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return [code for named, code in FENCE.findall(page.read_text("utf-8")) if named == language]


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", page.read_text("utf-8"))


def sections(page: Path) -> dict[str, str]:
    """A page's headings, with the text from each to the next."""
    text = FENCE.sub("", page.read_text("utf-8"))
    found = list(HEADING.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return {match[2]: text[match.end() : end] for match, end in zip(found, ends, strict=True)}


def keys_in(text: str) -> set[str]:
    """The settings in the first column of a text's tables."""
    body = "".join(match[0] for match in TABLE.finditer(text))
    return set(re.findall(r"^\| `([^`]+)` \|", body, re.MULTILINE))


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The config models that a field's annotation holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def keys_of(model: type[BaseModel], leave_out: type[BaseModel] | None = None) -> Iterator[tuple[str, str | None]]:
    """Each key of a config model, those of nested models with dots, and its description; not what is as in
    `leave_out`."""
    for name, field in model.model_fields.items():
        other = None if leave_out is None else leave_out.model_fields.get(name)
        if other is not None and (other.default, other.description) == (field.default, field.description):
            continue
        yield name, field.description
        nested = list(models_in(field.annotation))
        listed = "[]" if nested and re.match(r"list|tuple", str(field.annotation)) else ""
        for inner in nested:
            yield from ((f"{name}{listed}.{key}", description) for key, description in keys_of(inner))


def stage_keys(name: str) -> dict[str, str | None]:
    """The keys of a stage's own settings."""
    config = stage_class(name).Config
    return dict(keys_of(config, MapConfig if issubclass(config, MapConfig) else None))


@pytest.mark.parametrize("name", stage_names())
def test_a_stage_has_a_section_with_its_settings_and_no_others(name: str) -> None:
    assert keys_in(sections(DOCS / "stages.md")[name]) == set(stage_keys(name))


@pytest.mark.parametrize("name", source_formats())
def test_a_format_has_a_section_with_its_settings_and_no_others(name: str) -> None:
    keys = dict(keys_of(source_class(name).Config, SourceConfig))
    assert keys_in(sections(DOCS / "config.md")[name]) == set(keys)


def test_the_settings_of_all_runs_sources_and_map_stages_are_there() -> None:
    config = sections(DOCS / "config.md")
    assert keys_in(config["Top level"]) == set(TopLevel.model_fields)
    assert keys_in(config["engine"]) == set(EngineConfig.model_fields)
    assert keys_in(config["sources"]) == set(SourceConfig.model_fields)
    assert keys_in(sections(DOCS / "stages.md")["Stages"]) == set(MapConfig.model_fields)


def test_every_setting_says_what_it_does() -> None:
    models: list[type[BaseModel]] = [TopLevel, *(source_class(name).Config for name in source_formats())]
    models += [stage_class(name).Config for name in stage_names()]
    silent = [f"{model.__module__}: {key}" for model in models for key, text in keys_of(model) if not text]
    assert not silent


def test_every_command_has_a_section_with_its_options() -> None:
    found = sections(DOCS / "cli.md")
    for name, command in commands().items():
        options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        assert options <= keys_in(found[f"dspipe {name}"]), name
        described = [getattr(parameter, "help", None) for parameter in command.params]
        assert all(described), f"dspipe {name}: an option without a description"
    assert {heading.removeprefix("dspipe ") for heading in found if heading.startswith("dspipe ")} == set(commands())


def test_every_table_stands_in_one_place() -> None:
    standing = [match["what"] for page in PAGES for match in TABLE.finditer(page.read_text("utf-8"))]
    assert sorted(standing) == sorted([*all_tables(), *(f"command {name}" for name in commands())])


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text("utf-8")
    assert write(text) == text, "python -m docs.generate writes them anew"


def test_the_schema_beside_the_configs_is_up_to_date() -> None:
    assert SCHEMA.read_text("utf-8") == schema(), "python -m docs.generate writes it anew"


def test_the_readme_names_every_stage_and_format() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert set(re.findall(r"^\| \[`(\w+)`\]", text, re.MULTILINE)) == set(stage_names())
    assert all(f"`{name}`" in text for name in source_formats())


def anchors(page: Path) -> set[str]:
    """What links to a page's headings may say behind `#`, as GitHub makes it."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in sections(page)}


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), f"{target}: no such file"
        assert not anchor or anchor in anchors(linked), f"{target}: no such heading"


@each_page
def test_files_and_tests_that_are_named_exist(page: Path) -> None:
    text = prose(page)
    for name in re.findall(r"`((?:\w+/)+[\w.]+\.(?:py|yaml|md|svg))(?:::\w+)?`", text):
        assert (ROOT / name).exists(), name
    for name, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text):
        nodes = ast.walk(ast.parse((ROOT / name).read_text("utf-8")))
        assert test in {node.name for node in nodes if isinstance(node, ast.FunctionDef)}, f"{name}::{test}"


@each_page
def test_modules_that_are_to_be_run_exist(page: Path) -> None:
    text = page.read_text("utf-8").replace("benchmarks.X", "benchmarks.filters").replace("-m\n", "-m ")
    for name in re.findall(r"python -m ((?:benchmarks|docs|dspipe)[\w.]*)", text):
        assert importlib.util.find_spec(name) is not None, name


def test_every_benchmark_is_in_the_documentation() -> None:
    text = (DOCS / "benchmarks.md").read_text("utf-8").replace("-m\n", "-m ")
    runnable = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "\ndef main(" in path.read_text("utf-8")}
    assert runnable
    assert runnable <= set(re.findall(r"python -m benchmarks\.(\w+)", text))


@each_page
def test_commands_in_examples_exist(page: Path) -> None:
    known = set(commands()) | {name.split()[0] for name in commands()}
    for line in "\n".join(fenced(page, "sh")).splitlines():
        for said in re.findall(r"(?:^|/|&& )dspipe ((?:tokenizer |classifier )?[\w-]+)", line):
            assert said in known, line


def validated(values: Any) -> None:
    """Validate a whole config, or some of its sources and stages with the rest filled in. Raises InvalidConfigError."""
    if isinstance(values, list):
        values = {"stages": values}
    sources = [{"name": "x", "format": "jsonl", "path": "x"}]
    validate(
        {"name": "x", "output": "x", "sources": sources, "stages": ["exact_dedup"], **values}, Locator("x", {}, {})
    )


@each_page
def test_configs_in_examples_are_valid(page: Path) -> None:
    for code in fenced(page, "yaml"):
        validated(yaml.safe_load(code))


def test_the_readmes_stage_examples_are_valid() -> None:
    rows = re.findall(r"^\| \[`(\w+)`\].*\| `(\{.*\})` \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) == len(stage_names())
    for name, settings in rows:
        validated([{name: yaml.safe_load(settings)}])


@each_page
def test_imports_in_examples_work(page: Path) -> None:
    for code in fenced(page, "python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module:
                try:
                    module = importlib.import_module(node.module)
                except ModuleNotFoundError as error:
                    assert error.name in TRAINERS_PACKAGES, ast.unparse(node)
                    continue
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)
