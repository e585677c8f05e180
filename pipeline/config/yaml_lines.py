"""YAML with line numbers: the values of a file, and the line on which each key or item stands.

Scalars follow YAML 1.2's core schema, so that `no` and `on` are words, 2024-10-01 is a string and 2e12 a number.
"""

import re
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]


class YamlError(Exception):
    """The text isn't YAML, or not of a form that a config can have."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.SafeLoader):
    """SafeLoader with YAML 1.2's rules for plain scalars."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("merge", r"<<", "<"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), list(_first))


def _whole_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


_MAX_VALUES = 100_000
_MAX_DEPTH = 50


def parse_yaml(text: str) -> tuple[Any, dict[KeyPath, int]]:
    """The value of a YAML text and the line (from 1) of every key path in it; aliases and merge keys (`<<`) are what
    they stand for. Raises YamlError, also for a text that expands to more than 100,000 values or nests 50 deep."""
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(f"the character U+{ord(text[error.position]):04X} can't stand in YAML", line) from None
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {}
        lines = _Lines(loader)
        lines.walk(node, ())
        return loader.construct_document(node), lines.found
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(str(error.problem or error.context).split())
        if "'\\t'" in said:
            said = "a tab stands where blanks indent"
        elif "<stream end>" in said or "end of stream" in said:
            said = "a bracket, brace or quote that is opened is not closed"
        raise YamlError(said, mark.line + 1 if mark else 1) from None
    except yaml.YAMLError as error:
        raise YamlError(" ".join(str(error).split()), 1) from None
    except (ValueError, AttributeError) as error:  # a tag that was written out, like `!!int x`
        raise YamlError(f"a value doesn't fit its tag: {error}", 1) from None
    except RecursionError:
        raise YamlError(f"values are nested more than {_MAX_DEPTH} deep", 1) from None
    finally:
        loader.dispose()


class _Lines:
    """The line of every key path below a node."""

    def __init__(self, loader: _Loader) -> None:
        self.found: dict[KeyPath, int] = {}
        self._loader = loader
        self._values = 0
        self._flattened: set[int] = set()

    def walk(self, node: yaml.Node, path: KeyPath) -> None:
        line = node.start_mark.line + 1
        self._values += 1
        if self._values > _MAX_VALUES:
            raise YamlError(f"aliases (*) expand to more than {_MAX_VALUES:,} values", line)
        if len(path) > _MAX_DEPTH:
            raise YamlError(f"values are nested more than {_MAX_DEPTH} deep, or an alias (*) contains itself", line)
        self.found.setdefault(path, line)
        if isinstance(node, yaml.MappingNode):
            if id(node) not in self._flattened:
                self._refuse_twice(node)
                self._loader.flatten_mapping(node)  # puts what a merge key stands for before the mapping's own keys
                self._flattened.add(id(node))
            for key, value in node.value:
                self.found[(*path, str(key.value))] = key.start_mark.line + 1
                self.walk(value, (*path, str(key.value)))
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.walk(item, (*path, index))

    def _refuse_twice(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError("a key is a plain word, not a list or a mapping", key.start_mark.line + 1)
            if key.value in seen:
                raise YamlError(f"the key {key.value} stands here twice", key.start_mark.line + 1)
            seen.add(str(key.value))
