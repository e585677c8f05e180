"""The JSON Schema of a config, for editors."""

import sys
from typing import Any

from dspipe.pipeline.config.discovery import source_class, source_formats, stage_class, stage_names
from dspipe.pipeline.config.run_config import TopLevel
from dspipe.pipeline.source import SourceConfig


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a config, for editors: every stage and source format with its settings."""
    top = TopLevel.model_json_schema()
    definitions = top.setdefault("$defs", {})
    sources = []
    for format in source_formats():
        schema = source_class(format).Config.model_json_schema(ref_template="#/$defs/{model}")
        definitions.update(schema.pop("$defs", {}))
        schema["properties"]["format"] = {"const": format, "description": summary_of(source_class(format))}
        sources.append(schema)
    own = {"type": "string", "pattern": r"\."}
    # what a module of one's own takes, its model says when the config is loaded
    sources.append(
        {
            "type": "object",
            "properties": {**SourceConfig.model_json_schema()["properties"], "format": own},
            "required": ["name", "format", "path"],
        }
    )
    stages = []
    for name in stage_names():
        schema = stage_class(name).Config.model_json_schema(ref_template="#/$defs/{model}")
        definitions.update(schema.pop("$defs", {}))
        schema = {"description": summary_of(stage_class(name)), "anyOf": [schema, {"type": "null"}]}
        stages.append(
            {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False}
        )
    top["properties"]["sources"]["items"] = {"anyOf": sources}
    own_stage = {"type": "object", "patternProperties": {r"\.": {}}, "additionalProperties": False, "maxProperties": 1}
    top["properties"]["stages"]["items"] = {"anyOf": [*stages, own_stage, own, {"enum": stage_names()}]}
    engine = top["properties"]["engine"]
    del engine["$ref"]
    engine["anyOf"] = [{"enum": ["local", "ray", "inline"]}, {"$ref": "#/$defs/EngineConfig"}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "title": "dspipe config"}


def summary_of(kind: type) -> str:
    """What the module of a stage or a format says of it in its first sentences."""
    documented = sys.modules[kind.__module__].__doc__ or kind.__doc__ or ""
    return " ".join(documented.partition("\n\n")[0].split())
