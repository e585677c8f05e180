"""What stands in docs/ and is known elsewhere: tables of settings and options, and code of examples.

    python -m docs.generate              write it anew
    python -m docs.generate --check      say which pages would change, and fail if one would

A page holds it between two comments, and all else in it is written by hand:

    <!-- table: stage minhash -->
    ...
    <!-- end -->

Tables: `top`, `engine`, `source` (what all formats have), `source FORMAT`, `map` (what all map stages have), `stage
NAME`, `command NAME...`. Code: `<!-- code: examples/capitals.py CapitalsStage -->` for a class or function of a file,
without a name for the whole file. tests/test_docs.py checks that each table is there, once, and all of it up to date.
"""

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click
import typer
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from dspipe.cli import app
from dspipe.pipeline.config.discovery import source_class, source_formats, stage_class, stage_names
from dspipe.pipeline.config.run_config import EngineConfig, TopLevel
from dspipe.pipeline.quantities import parse_count
from dspipe.pipeline.source import SourceConfig
from dspipe.pipeline.stage import MapConfig

DOCS = Path(__file__).parent
TABLE = re.compile(r"(<!-- table: (?P<what>[^\n]+?) -->\n).*?(<!-- end -->)", re.DOTALL)
CODE = re.compile(r"(<!-- code: (?P<file>\S+) ?(?P<name>\w*) -->\n).*?(<!-- end -->)", re.DOTALL)

Schema = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """A key of a config model: `key` with dots where it is a nested model's, `[]` where that is one of a list."""

    key: str
    type: str
    default: str
    description: str


def settings_of(model: type[BaseModel], base: type[BaseModel] | None = None) -> list[Setting]:
    """The settings of a model and of the models in it, in order; those of `base` are left out."""
    schema = model.model_json_schema()
    inherited = set(base.model_fields) if base else set()
    return [
        setting
        for setting in _settings(model, schema, schema.get("$defs", {}), "")
        if setting.key.partition(".")[0] not in inherited
    ]


def tables() -> dict[str, list[Setting]]:
    """Every table of settings, by what stands in its comment."""
    found = {
        "top": [setting for setting in settings_of(TopLevel) if not setting.key.startswith("engine.")],
        "engine": settings_of(EngineConfig),
        "source": settings_of(SourceConfig),
        "map": settings_of(MapConfig),
    }
    found |= {f"source {name}": settings_of(source_class(name).Config, SourceConfig) for name in source_formats()}
    for name in stage_names():
        config = stage_class(name).Config
        found[f"stage {name}"] = settings_of(config, MapConfig if issubclass(config, MapConfig) else None)
    return found


def commands() -> dict[str, click.Command]:
    """Every command of the command line that does something, by its name: `run`, `tokenizer train`."""
    return dict(_commands(cast(click.Group, typer.main.get_command(app)), ()))


def render(what: str) -> str:
    """The table of that name, as Markdown. Raises KeyError."""
    if what.startswith("command "):
        return _command_table(commands()[what.removeprefix("command ")])
    settings = tables()[what]
    if not settings:
        return "No settings of its own.\n"
    rows = [(f"`{s.key}`", s.type, s.default, s.description) for s in settings]
    return _markdown(("setting", "type", "default", "what it does"), rows)


def code(file: str, name: str) -> str:
    """A class or function of a Python file, or the whole file, as Markdown. Raises StopIteration."""
    text = (DOCS.parent / file).read_text("utf-8")
    if name:
        nodes = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef | ast.FunctionDef))
        text = f"{ast.get_source_segment(text, next(node for node in nodes if node.name == name))}\n"
    return f"```python\n{text}```\n"


def write(page: str) -> str:
    """A page with its tables and code written anew."""
    page = TABLE.sub(lambda match: f"{match[1]}{render(match['what'])}{match[3]}", page)
    return CODE.sub(lambda match: f"{match[1]}{code(match['file'], match['name'])}{match[4]}", page)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the tables and code in docs/ anew.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail if a page would change")
    check = parser.parse_args().check
    changed = []
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text("utf-8")
        written = write(page)
        if written != page:
            changed.append(path.name)
            if not check:
                path.write_text(written, "utf-8")
    print(f"{'out of date' if check else 'written'}: {', '.join(changed)}" if changed else "all pages are up to date")
    sys.exit(1 if check and changed else 0)


def _settings(model: type[BaseModel], schema: Schema, defs: dict[str, Schema], prefix: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        properties = schema["properties"][name]
        description = " ".join((field.description or "").split())
        kind, default = _type(properties, defs, name if _is_count(field) else ""), _default(name, field)
        if {"type": "null"} in properties.get("anyOf", ()) and default != "`null`":
            kind += " or `null`"
        yield Setting(f"{prefix}{name}", kind, default, description)
        for inner, listed in _models(field.annotation):
            key = f"{prefix}{name}{'[]' if listed else ''}."
            yield from _settings(inner, inner.model_json_schema(), {**defs, **_defs(inner)}, key)


def _defs(model: type[BaseModel]) -> dict[str, Schema]:
    return cast("dict[str, Schema]", model.model_json_schema().get("$defs", {}))


def _models(annotation: Any, listed: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    """The models that an annotation holds, and whether they are in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, listed
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner, listed or getattr(annotation, "__origin__", None) in (list, tuple))


def _type(schema: Schema, defs: dict[str, Schema], count: str = "") -> str:
    """A JSON schema in a few words; `count`: the name of a setting that takes numbers like 2e9 and 2GiB."""
    if "$ref" in schema:
        return _type(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one, defs, count) for one in schema["anyOf"] if one != {"type": "null"}))
    if "enum" in schema or "const" in schema:
        *others, last = [f"`{value}`" for value in schema.get("enum", [schema.get("const")])]
        return f"{', '.join(others)} or {last}" if others else last
    kind = schema.get("type")
    if kind == "array":
        if "prefixItems" in schema:
            return f"list of {len(schema['prefixItems'])} names"
        items = schema.get("items", {})
        return f"list of {_type(items, defs)}" if items else "list"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"mapping to {_type(values, defs)}" if isinstance(values, dict) else "mapping"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "boolean"}
    bounds = [
        f"{sign} {schema[bound]:g}" if schema[bound] < 1 << 20 else f"{sign} {schema[bound]:,}"
        for bound, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if bound in schema
    ]
    if count and kind == "integer":
        return "bytes, like `64MB` or `2GiB`" if _is_size(count) else "whole number, like `4096` or `2e9`"
    return " ".join([words.get(str(kind), "any"), ", ".join(bounds)]).strip()


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return f"`{value.kind}`" if isinstance(value, EngineConfig) else ""
    if _is_count(field) and isinstance(value, int) and _is_size(name):
        return f"`{_with_unit(value)}`"
    if isinstance(value, float):
        return f"`{value:.4g}`"
    value = list(value) if isinstance(value, tuple) else value
    text = value if isinstance(value, str) and value and not value.startswith("[") else json.dumps(value)
    return f"`{text}`"


def _is_count(field: FieldInfo) -> bool:
    parts = [*field.metadata, *(part for inner in _annotated(field.annotation) for part in inner)]
    return any(isinstance(part, BeforeValidator) and part.func is parse_count for part in parts)


def _is_size(name: str) -> bool:
    return "bytes" in name or name == "memory"


def _annotated(annotation: Any) -> Iterator[tuple[Any, ...]]:
    if hasattr(annotation, "__metadata__"):
        yield annotation.__metadata__
    for inner in getattr(annotation, "__args__", ()):
        yield from _annotated(inner)


def _with_unit(value: int) -> str:
    for scale, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (10**9, "GB"), (10**6, "MB")):
        if value % scale == 0:
            return f"{value // scale}{unit}"
    return str(value)


def _commands(group: click.Group, names: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(cast(click.Group, command), (*names, name))
        else:
            yield " ".join((*names, name)), command


def _command_table(command: click.Command) -> str:
    rows = []
    for parameter in command.params:
        option = parameter.param_type_name == "option"
        name = ", ".join(parameter.opts) if option else str(parameter.metavar or parameter.name).strip("{}.")
        default = parameter.default if not parameter.required and parameter.default not in (None, False, ()) else None
        rows.append(
            (
                f"`{name}`",
                "*required*" if parameter.required else f"`{default}`" if default is not None else "",
                getattr(parameter, "help", None) or "",
            )
        )
    return _markdown(("argument or option", "default", "what it is"), rows) if rows else "No options.\n"


def _markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    main()
