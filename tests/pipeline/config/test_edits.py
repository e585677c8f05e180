"""`--set key.path=YAML`: what it changes, and what it says when there is nothing of that name."""

from typing import Any

import pytest

from dspipe.pipeline.config.edits import apply_edit
from dspipe.pipeline.config.problems import InvalidConfigError, Locator


def values() -> dict[str, Any]:
    return {
        "seed": 1,
        "engine": "local",
        "sources": [{"name": "web", "path": "a"}, {"name": "web.old", "path": "b"}],
        "stages": ["lines", {"minhash": {"bands": 14}}, {"tests.toys.lengths": {"minimum": 3}}],
    }


def test_stages_of_one_key_are_told_apart_by_their_names() -> None:
    config: dict[str, Any] = {
        "stages": [{"quality": {"model": "q"}}, {"quality": {"name": "quality.edu", "model": "e"}}]
    }
    where = Locator("run.yaml", {}, {})
    for edit in ("stages.quality.edu.at_least=0.5", "stages.quality.at_least=0.1"):
        apply_edit(edit, config, where)
    assert [item["quality"]["at_least"] for item in config["stages"]] == [0.1, 0.5]
    with pytest.raises(InvalidConfigError, match=r"there is no label; there is quality, quality\.edu"):
        apply_edit("stages.label.model=x", config, where)


def edited(edit: str) -> tuple[dict[str, Any], Locator]:
    changed, where = values(), Locator("run.yaml", {}, {})
    apply_edit(edit, changed, where)
    return changed, where


@pytest.mark.parametrize(
    ("edit", "path", "value"),
    [
        ("seed=7", ("seed",), 7),
        ("name=2024-10-01", ("name",), "2024-10-01"),
        ("seed=", ("seed",), None),
        ("engine.workers=3", ("engine",), {"kind": "local", "workers": 3}),
        ("sources.web.path=[x, y]", ("sources", 0, "path"), ["x", "y"]),
        ("sources.1.path=z=1", ("sources", 1, "path"), "z=1"),  # only the first = parts key and value
        ("sources.web.old.path=c", ("sources", 1, "path"), "c"),  # the longest name that fits is meant
        ("stages.minhash.bands=20", ("stages", 1, "minhash"), {"bands": 20}),
        ("stages.lines.numeric=true", ("stages", 0), {"lines": {"numeric": True}}),
        ("stages.lines={numeric: true}", ("stages", 0), {"lines": {"numeric": True}}),
        ("stages.tests.toys.lengths.minimum=9", ("stages", 2, "tests.toys.lengths"), {"minimum": 9}),
        ("new.deep.key=1", ("new",), {"deep": {"key": 1}}),
    ],
)
def test_edits(edit: str, path: tuple[str | int, ...], value: object) -> None:
    changed, where = edited(edit)
    found: Any = changed
    for part in path:
        found = found[part]
    assert found == value
    (set_path,) = where.edits
    assert where.edits[set_path] == edit
    assert set_path[: len(path)] == path or path[: len(set_path)] == set_path


def test_only_what_is_named_changes() -> None:
    changed, _ = edited("stages.minhash.bands=20")
    changed["stages"][1]["minhash"]["bands"] = 14
    assert changed == values()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("seed", "--set seed: expected --set key.path=value"),
        ("=3", "--set =3: expected --set key.path=value"),
        ("seed=[1", "--set seed=[1: seed: not valid YAML: "),
        ("stages.dedup.x=1", "there is no dedup; there is lines, minhash, tests.toys.lengths"),
        ("sources.2.path=x", "there is no 2; there is web, web.old"),
        ("minhash.bands=20", "minhash.bands: did you mean stages.minhash.bands?"),
        ("web.path=x", "web.path: did you mean sources.web.path?"),
        ("seed.x=1", "seed has no keys of its own"),
    ],
)
def test_what_cannot_be_set(edit: str, message: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        edited(edit)
    assert message in str(caught.value)
