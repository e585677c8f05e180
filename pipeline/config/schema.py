"""The JSON Schema of a config, for editors."""

from typing import Any

from dspipe.pipeline.config.discovery import source_class, source_formats, stage_class, stage_names
from dspipe.pipeline.config.run_config import TopLevel


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a config, for editors: every stage and source format with its settings."""
    top = TopLevel.model_json_schema()
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
