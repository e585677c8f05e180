"""The settings of a config in words."""

from dspipe.pipeline.config.describe import Setting, settings_of, stage_settings, tables
from dspipe.pipeline.config.discovery import source_formats, stage_names
from dspipe.pipeline.config.run_config import EngineConfig


def test_a_table_for_each_part() -> None:
    names = {"top", "engine", "source", "map"}
    names |= {f"source {name}" for name in source_formats()} | {f"stage {name}" for name in stage_names()}
    assert tables().keys() == names


def test_types_and_defaults_are_words() -> None:
    engine = {setting.key: setting for setting in settings_of(EngineConfig)}
    assert engine["memory"] == Setting(
        "memory",
        "bytes, like `64MB` or `2GiB`",
        "`2GiB`",
        "bytes that one worker may use, beside the interpreter, its libraries and models",
    )
    assert engine["kind"].type == "`local`, `ray` or `inline`"
    assert engine["workers"] == Setting(
        "workers", "whole number > 0", "`null`", "tasks at a time; default: the processors there are"
    )


def test_nested_settings_have_dots() -> None:
    keys = {setting.key: setting for setting in stage_settings("tokenizer")}
    assert keys["train.vocab"].type == "number, like `4096`, `2e9` or `2B`"
    assert keys["train.sample_bytes"].default == "`24GB`"
    assert "early" not in {setting.key for setting in stage_settings("language")}


def test_a_default_that_is_a_formats_own_is_said() -> None:
    of_format = {
        name: {setting.key: setting.default for setting in tables()[f"source {name}"]} for name in ("files", "cdx")
    }
    assert (of_format["files"]["shard_bytes"], of_format["cdx"]["shard_bytes"]) == ("`128MiB`", "`256MiB`")
    assert "shard_bytes" not in {setting.key for setting in tables()["source jsonl"]}
    assert all("path" not in keys for keys in of_format.values())
