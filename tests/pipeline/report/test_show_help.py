"""Help for every topic: what it does, an example that is valid, each setting once."""

from pathlib import Path

import pytest

from dspipe.pipeline.config.discovery import source_class, source_formats, stage_class, stage_names
from dspipe.pipeline.config.yaml_lines import parse_yaml
from dspipe.pipeline.report.show_help import UnknownTopicError, help_text, overview, topics


@pytest.mark.parametrize("topic", topics())
def test_every_topic_has_its_settings_and_an_example(topic: str) -> None:
    lines = help_text(topic, 80).split("\n")
    assert all(len(line) <= 80 or line.startswith("    ") for line in lines)
    kind = stage_class(topic) if topic in stage_names() else source_class(topic) if topic in source_formats() else None
    if kind is None:
        return
    for name in kind.Config.model_fields:
        shared = topic in source_formats() and name not in ("fields", "content_types", "domains")
        assert shared or sum(line.startswith(f"  {name}: ") for line in lines) == 1, name
    example = next(line for line in lines if line.startswith("    "))
    (item,), _ = parse_yaml(example)
    values = item[topic] if topic in stage_names() else item
    kind.Config.model_validate(values or {})


def test_the_overview_names_all_topics() -> None:
    lines = overview(80).split("\n")
    assert {line.split()[0] for line in lines[2:] if line[:1] != " "} == set(topics())


def test_a_topic_that_is_none() -> None:
    with pytest.raises(UnknownTopicError, match="did you mean minhash"):
        help_text("minhsh", 80)


def test_a_module_that_fails_is_named_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_help").mkdir()
    (tmp_path / "own_help" / "broken.py").write_text("x = nope\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UnknownTopicError, match=r"the module own_help\.broken can't be .*broken\.py:1: NameError"):
        help_text("own_help.broken", 80)
