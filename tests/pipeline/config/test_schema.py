"""The JSON Schema that editors check a config by."""

from typing import Any

from dspipe.pipeline.config.discovery import stage_names
from dspipe.pipeline.config.schema import json_schema


def test_schema_has_the_formats_and_the_engine() -> None:
    schema = json_schema()
    formats = [source["properties"]["format"]["const"] for source in schema["properties"]["sources"]["items"]["anyOf"]]
    assert {"warc", "wet", "jsonl", "parquet", "files"} <= set(formats)
    assert "EngineConfig" in schema["$defs"]
    assert schema["additionalProperties"] is False


def test_every_reference_has_a_definition() -> None:
    schema = json_schema()
    references: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                references.add(value["$ref"])
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk(schema)
    assert references
    assert references <= {f"#/$defs/{name}" for name in schema["$defs"]}


def test_stages_are_written_with_settings_or_as_a_name() -> None:
    *written_out, bare = json_schema()["properties"]["stages"]["items"]["anyOf"]
    assert bare["enum"] == stage_names() == [entry["required"][0] for entry in written_out]
    (minhash,) = (entry["properties"]["minhash"] for entry in written_out if entry["required"] == ["minhash"])
    assert minhash["properties"]["bands"]["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 1024}
