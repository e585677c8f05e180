"""YAML as configs have it: lines of keys, and one sentence for what no config can be."""

import time

import pytest

from dspipe.pipeline.config.yaml_lines import YamlError, parse_yaml


def test_keys_have_lines_and_scalars_are_those_of_yaml_1_2() -> None:
    values, lines = parse_yaml("a: 1\nb:\n  - c: no\n    d: 2024-10-01\n  - 2e12\n")
    assert values == {"a": 1, "b": [{"c": "no", "d": "2024-10-01"}, 2e12]}
    assert lines[("b", 0, "d")] == 4
    assert lines[("b", 1)] == 5


def test_aliases_and_merge_keys_are_what_they_stand_for() -> None:
    values, lines = parse_yaml("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\nagain: *b\n")
    assert values == {"base": {"x": 1, "y": 2}, "more": {"x": 1, "y": 3}, "again": {"x": 1, "y": 2}}
    assert lines[("more", "y")] == 4
    assert lines[("more", "x")] == 1
    assert parse_yaml("a: &a {x: 1}\nb: &b {z: 2}\nc: {<<: [*a, *b]}\n")[0]["c"] == {"x": 1, "z": 2}


BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 8)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        (BOMB, "expand to more than 100,000 values", 1),
        ("a: &a [*a]\n", "an alias .* contains itself", 1),
        ("x: 1\na: {b: &b {c: *b}}\n", "an alias .* contains itself", 2),
        ("[" * 5000, "nested more than 50 deep", 1),
        ("a: {<<: 3}\n", "for merging", 1),
        ("a: 1\nb: \x00\n", r"U\+0000 can't stand in YAML", 2),
        ("a: 1\na: 2\n", "the key a stands here twice", 2),
        ("? [a, b]\n: 1\n", "a key is a plain word", 1),
        ("a: *nothing\n", "undefined alias", 1),
        ("a: !!python/object:os.system x\n", "could not determine a constructor", 1),
    ],
)
def test_what_no_config_can_be_is_one_sentence(text: str, message: str, line: int) -> None:
    start = time.process_time()
    with pytest.raises(YamlError, match=message) as error:
        parse_yaml(text)
    assert error.value.line == line
    assert time.process_time() - start < 5


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
def test_scalars(text: str, value: object) -> None:
    found, _ = parse_yaml(f"key: {text}")
    assert found == {"key": value}
    assert type(found["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x:\n  - {b: 1, b: 2}\n", 2, "the key b stands here twice"),
        ("a: 1\n b: 2\n", 2, "mapping values are not allowed here"),
        ("a: 1\n---\nb: 2\n", 2, "but found another document"),
        ("a: !!int x\n", 1, "a value doesn't fit its tag: invalid literal"),
        ("a: !!timestamp x\n", 1, "a value doesn't fit its tag"),
    ],
)
def test_what_is_no_config_says_where(text: str, line: int, message: str) -> None:
    with pytest.raises(YamlError, match=message) as caught:
        parse_yaml(text)
    assert caught.value.line == line
