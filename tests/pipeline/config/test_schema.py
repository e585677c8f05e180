"""The JSON Schema that editors check a config by."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.discovery import stage_names
from dspipe.pipeline.config.schema import json_schema
from dspipe.pipeline.config.yaml_lines import parse_yaml

CONFIGS = Path(__file__).parents[3] / "configs"


def test_schema_has_the_formats_and_the_engine() -> None:
    schema = json_schema()
    *sources, own = schema["properties"]["sources"]["items"]["anyOf"]
    assert own["properties"]["format"]["pattern"]
    formats = [source["properties"]["format"]["const"] for source in sources]
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
    *written_out, own, own_bare, bare = json_schema()["properties"]["stages"]["items"]["anyOf"]
    assert own["patternProperties"].keys() == {own_bare["pattern"]}
    assert bare["enum"] == stage_names() == [entry["required"][0] for entry in written_out]
    (minhash,) = (entry["properties"]["minhash"] for entry in written_out if entry["required"] == ["minhash"])
    minhash = minhash["anyOf"][0]
    assert minhash["properties"]["bands"]["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 1024}


def test_every_setting_is_described() -> None:
    def undescribed(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, dict):
            for name, part in (value.get("properties") or {}).items():
                if not part.get("description") and "pattern" not in part:
                    yield f"{path}.{name}"
            for name, part in value.items():
                yield from undescribed(part, f"{path}.{name}")
        elif isinstance(value, list):
            for part in value:
                yield from undescribed(part, path)

    assert list(undescribed(json_schema(), "")) == []


VALID = """
name: x
output: out
engine: {kind: local, memory: 2GiB}
sources: [{name: a, format: jsonl, path: a, limit: 3}, {name: b, format: mine.csv, path: [b], columns: 4}]
stages: [exact_dedup, my.stage, my.other: {limit: 3}, minhash: {}, pii:, remix: {tokens: 2B}, tokenizer: {train: {}}]
"""


def test_the_schema_takes_what_the_product_takes() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json_schema())
    shipped = [path.read_text("utf-8") for path in CONFIGS.glob("*.yaml")]
    assert len(shipped) > 1
    for text in [VALID, *shipped]:
        assert [error.message for error in validator.iter_errors(parse_yaml(text)[0])] == []
    for wrong in ("2GiB", "many"):
        assert not validator.is_valid(parse_yaml(VALID.replace("2B", wrong))[0])
    assert not validator.is_valid(parse_yaml(VALID.replace("minhash: {}", "minhsh: {}"))[0])


def test_shipped_configs_name_the_schema() -> None:
    for path in CONFIGS.glob("*.yaml"):
        first = path.read_text("utf-8").partition("\n")[0]
        assert (CONFIGS / first.removeprefix("# yaml-language-server: $schema=")).exists()
