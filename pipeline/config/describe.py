"""The settings of a config in words: each key with its type, default and meaning, as the models say that check it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dspipe.pipeline.config.discovery import source_class, source_formats, stage_class, stage_names
from dspipe.pipeline.config.run_config import EngineConfig, TopLevel
from dspipe.pipeline.quantities import COUNT_PATTERN, SECONDS_PATTERN, SIZE_PATTERN
from dspipe.pipeline.source import SourceConfig
from dspipe.pipeline.stage import MapConfig

Schema = dict[str, Any]

_QUANTITIES = {
    SECONDS_PATTERN: "seconds, or a time like `90s` or `30min`",
    SIZE_PATTERN: "bytes, like `64MB` or `2GiB`",
    COUNT_PATTERN: "number, like `4096`, `2e9` or `2B`",
}


@dataclass(frozen=True)
class Setting:
    """A key of a config model: `key` with dots where it is a nested model's, `[]` where that is one of a list."""

    key: str
    type: str
    default: str
    description: str


def settings_of(model: type[BaseModel], base: type[BaseModel] | None = None) -> list[Setting]:
    """The settings of a model and of the models in it, in order; those that are as in `base` are left out."""
    schema = model.model_json_schema()
    inherited = (
        {name for name, field in base.model_fields.items() if _is_same(model.model_fields[name], field)}
        if base
        else set()
    )
    return [
        setting
        for setting in _settings(model, schema, schema.get("$defs", {}), "")
        if setting.key.partition(".")[0] not in inherited
    ]


def _is_same(field: FieldInfo, other: FieldInfo) -> bool:
    """Whether two fields say the same to a user: a format or a stage may have another default of a setting of all."""
    said = [(one.annotation, one.description, one.get_default(call_default_factory=True)) for one in (field, other)]
    return said[0] == said[1]


def tables() -> dict[str, list[Setting]]:
    """Every table of settings: `source FORMAT`, `stage NAME`, and the shared ones."""
    sources = {f"source {name}": settings_of(source_class(name).Config, SourceConfig) for name in source_formats()}
    return {**shared_tables(), **sources, **{f"stage {name}": stage_settings(name) for name in stage_names()}}


def shared_tables() -> dict[str, list[Setting]]:
    """The tables of settings that are no single format's or stage's: `top`, `engine`, `source` (what all formats have),
    `map` (what all map stages have). They import no format and no stage."""
    return {
        "top": [setting for setting in settings_of(TopLevel) if not setting.key.startswith("engine.")],
        "engine": settings_of(EngineConfig),
        "source": settings_of(SourceConfig),
        "map": settings_of(MapConfig),
    }


def stage_settings(name: str) -> list[Setting]:
    """The settings of a stage, without those that all map stages have."""
    config = stage_class(name).Config
    return settings_of(config, MapConfig if issubclass(config, MapConfig) else None)


def _settings(model: type[BaseModel], schema: Schema, defs: dict[str, Schema], prefix: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        properties = schema["properties"][name]
        description = " ".join((field.description or "").split())
        kind, default = _type(properties, defs), _default(field, properties)
        if {"type": "null"} in properties.get("anyOf", ()) and default != "`null`":
            kind += " or `null`"
        yield Setting(f"{prefix}{name}", kind, default, description)
        for inner, listed in _models(field.annotation):
            inner_schema = inner.model_json_schema()
            key = f"{prefix}{name}{'[]' if listed else ''}."
            yield from _settings(inner, inner_schema, {**defs, **inner_schema.get("$defs", {})}, key)


def _models(annotation: Any, listed: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    """The models that an annotation holds, and whether they are in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, listed
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner, listed or getattr(annotation, "__origin__", None) in (list, tuple))


def _type(schema: Schema, defs: dict[str, Schema]) -> str:
    """A JSON schema in a few words."""
    if "$ref" in schema:
        return _type(defs[schema["$ref"].rpartition("/")[2]], defs)
    if schema.get("pattern") in _QUANTITIES:
        return _QUANTITIES[schema["pattern"]]
    if "anyOf" in schema:
        if any(one.get("pattern") in _QUANTITIES for one in schema["anyOf"]):
            schema = {"anyOf": [one for one in schema["anyOf"] if one.get("type") != "number"]}
        return " or ".join(dict.fromkeys(_type(one, defs) for one in schema["anyOf"] if one != {"type": "null"}))
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
    return " ".join([words.get(str(kind), "any"), ", ".join(bounds)]).strip()


def _default(field: FieldInfo, schema: Schema) -> str:
    if field.is_required():
        return "*required*"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return f"`{value.kind}`" if isinstance(value, EngineConfig) else ""
    if isinstance(value, int) and SIZE_PATTERN in [one.get("pattern") for one in schema.get("anyOf", ())]:
        return f"`{_with_unit(value)}`"
    if isinstance(value, float):
        return f"`{value:.4g}`"
    value = list(value) if isinstance(value, tuple) else value
    text = value if isinstance(value, str) and value and not value.startswith("[") else json.dumps(value)
    return f"`{text}`"


def _with_unit(value: int) -> str:
    for scale, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (10**9, "GB"), (10**6, "MB")):
        if value % scale == 0:
            return f"{value // scale}{unit}"
    return str(value)
