"""Mistakes say where they were written: the line of the file, or the `--set` that brought them."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from dspipe.pipeline.config.problems import (
    InvalidConfigError,
    Locator,
    Problem,
    in_order,
    shown_path,
    validation_problems,
)
from dspipe.pipeline.config.yaml_lines import parse_yaml

TEXT = """\
name: x
sources:
  - name: web
    path: in
stages:
  - tests.toys.unique
  - minhash:
      bands: 3
"""


@pytest.fixture
def where() -> Locator:
    return Locator("run.yaml", parse_yaml(TEXT)[1], {("stages", 1, "minhash", "rows"): "stages.minhash.rows=2"})


def test_places_are_lines_and_edits(where: Locator) -> None:
    assert where.place(("sources", 0, "path")) == "run.yaml:4"
    assert where.place(("sources", 0, "dump")) == "run.yaml:3"  # a key that is missing: the item that lacks it
    assert where.place(("seed",)) == "run.yaml:1"
    assert where.place(("stages", 1, "minhash", "rows")) == "--set stages.minhash.rows=2"
    assert where.place(("stages", 1, "minhash", "rows", "x")) == "--set stages.minhash.rows=2"
    # a mistake of the whole stage is put down to the edit beneath it
    assert where.place(("stages", 1, "minhash")) == "--set stages.minhash.rows=2"
    assert Locator("run.yaml", {}, {}).place(("seed",)) == "run.yaml"


def test_items_are_shown_by_their_names() -> None:
    values: dict[str, Any] = {"sources": [{"name": "web"}, {}], "stages": ["lines", {"minhash": {}}]}
    assert shown_path(("sources", 0, "path"), values) == "sources.web.path"
    assert shown_path(("sources", 1, "path"), values) == "sources.1.path"
    assert shown_path(("stages", 1, "minhash", "bands"), values) == "stages.minhash.bands"
    assert shown_path(("stages", 0, "lines"), values) == "stages.lines"
    assert shown_path(("sources", 7, "path"), values) == "sources.7.path"
    assert shown_path((), values) == ""


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    height: int


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: Inner | None = None
    width: int = 1


def test_what_pydantic_says_becomes_one_problem_a_key() -> None:
    values = {"stages": [{"x": {"inner": {"heigth": 3}, "width": "wide"}}]}
    lines = parse_yaml("stages:\n  - x:\n      inner:\n        heigth: 3\n      width: wide\n")[1]
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(values["stages"][0]["x"])
    found = validation_problems(caught.value, ("stages", 0, "x"), Locator("a.yaml", lines, {}), values, Outer)
    assert [str(problem) for problem in in_order(found)] == [
        "a.yaml:3: stages.x.inner.height: is missing",
        "a.yaml:4: stages.x.inner.heigth: unknown key; did you mean height? Allowed: height",
        "a.yaml:5: stages.x.width: expected a whole number, not 'wide'",
    ]


def test_in_order_of_lines_each_once() -> None:
    later, earlier, edit = Problem("a", "x", "f:12"), Problem("b", "y", "f:3"), Problem("c", "z", "--set c=1")
    assert in_order([later, earlier, edit, later]) == [edit, earlier, later]


def test_an_invalid_config_says_all_of_it() -> None:
    error = InvalidConfigError([Problem("seed", "is missing", "f:1"), Problem("", "not valid YAML", "f:2")])
    assert str(error) == "f:1: seed: is missing\nf:2: not valid YAML"
