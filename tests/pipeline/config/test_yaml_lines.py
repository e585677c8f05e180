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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("~", None),
        ("", None),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("0o17", 15),
        ("017", 17),
        ("08", 8),
        ("-0", 0),
        ("0x1F", 31),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("2024-10-01", "2024-10-01"),
        ("'7'", "7"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found, _ = parse_yaml(f"key: {text}")
    assert found == {"key": value}
    assert type(found["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "the key a stands here twice"),
        ("x:\n  - {b: 1, b: 2}\n", 2, "the key b stands here twice"),
        ("a: 1\n b: 2\n", 2, "mapping values are not allowed here"),
        ("a: 1\n---\nb: 2\n", 2, "but found another document"),
        ("a: !!python/object:os.system x\n", 1, "could not determine a constructor"),
        ("a: 1\nb: \x00\n", 2, r"the character U\+0000 can't stand in YAML"),
        ("a: !!int x\n", 1, "a value doesn't fit its tag: invalid literal"),
        ("a: !!timestamp x\n", 1, "a value doesn't fit its tag"),
    ],
)
def test_what_is_no_config_says_where(text: str, line: int, message: str) -> None:
    with pytest.raises(YamlError, match=message) as caught:
        parse_yaml(text)
    assert caught.value.line == line
