"""YAML with the lines of its keys, and words that stay words."""

import pytest

from dspipe.pipeline.config.yaml_lines import YamlError, parse_yaml


def test_yaml_has_lines_and_plain_words() -> None:
    value, lines = parse_yaml("a: no\nb:\n  - 2e12\n  - {c: 2024-10-01}\nd: 0x1f\n")
    assert value == {"a": "no", "b": [2e12, {"c": "2024-10-01"}], "d": 31}
    assert lines[("b", 1, "c")] == 4
    assert lines[("d",)] == 5
    with pytest.raises(YamlError) as caught:
        parse_yaml("a: 1\nb: [\n")
    assert caught.value.line == 3
