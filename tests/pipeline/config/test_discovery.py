"""Stages and formats are found by their names; what is no stage is a KeyError, what is broken stays an ImportError."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, Field

from dspipe.pipeline.config.discovery import (
    OwnModuleError,
    check_settings_travel,
    format_module,
    make_stage,
    settings_of,
    source_class,
    source_formats,
    stage_class,
    stage_module,
    stage_names,
)
from dspipe.pipeline.config.run_config import EngineConfig, TopLevel
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import MapConfig
from tests.toys.lengths import Lengths

ROOT = Path(__file__).parents[3]


def models_below(kind: object) -> Iterator[type[BaseModel]]:
    """All models of settings that a type holds, itself included."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from models_below(field.annotation)
    for part in get_args(kind):
        yield from models_below(part)


def test_no_setting_is_nan_or_infinite() -> None:
    configs: list[type[BaseModel]] = [stage_class(name).Config for name in stage_names()]
    configs += [source_class(name).Config for name in source_formats()]
    found = {model for config in (*configs, EngineConfig, TopLevel) for model in models_below(config)}
    assert len(found) > len(configs)
    assert [model for model in found if model.model_config.get("allow_inf_nan", True)] == []


def test_every_file_and_folder_of_stages_is_found() -> None:
    folder = ROOT / "stages"
    files = [file.stem for file in folder.glob("*.py") if file.stem != "__init__"]
    folders = [file.parent.name for file in folder.glob("*/stage.py")]
    assert stage_names() == sorted(files + folders)
    assert source_formats() == sorted(f.stem for f in (folder / "sources").glob("*.py") if f.stem != "__init__")


@pytest.mark.parametrize("name", stage_names())
def test_every_stage_has_one_class_with_its_settings(name: str) -> None:
    found = stage_class(name)
    assert found.__module__ == stage_module(name)
    assert found.Config.model_fields
    assert found.Config.__module__.startswith(f"dspipe.stages.{name}")


@pytest.mark.parametrize("format", source_formats())
def test_every_format_has_one_class(format: str) -> None:
    assert source_class(format).__module__ == format_module(format)


def test_a_stage_of_the_users_own_is_named_in_full() -> None:
    stage = make_stage("tests.toys.lengths", {"minimum": 9}, 4)
    assert isinstance(stage, Lengths)
    assert (stage.name, stage.seed, stage.config.minimum) == ("lengths", 4, 9)
    assert settings_of(stage) == {"minimum": 9}  # those that were given, and no defaults


class _Inner(BaseModel):
    secret: int = Field(1, exclude=True)


class _Config(MapConfig):
    plain: frozenset[str] = frozenset()
    hidden: int = Field(1, exclude=True)
    inner: _Inner = _Inner()


def test_a_setting_that_would_not_reach_workers_is_refused() -> None:
    check_settings_travel(_Config(plain=frozenset({"a", "b"}), early=True))
    for lost, config in (("hidden", _Config(hidden=2)), ("inner", _Config(inner=_Inner(secret=2)))):
        with pytest.raises(ConfigError, match="wouldn't reach the workers") as caught:
            check_settings_travel(config)
        assert caught.value.key == (lost,)


@pytest.mark.parametrize(
    "name", ["nothing", ".nothing", "nothing.at.all", "tests.toys", "shared", "sources", "minhash.settings"]
)
def test_what_is_no_stage(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        stage_class(name)


def test_modules_of_the_users_own_that_are_no_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "own_stages"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "lacking.py").write_text("import a_package_that_is_not_there\n")
    lengths = "from tests.toys.lengths import Lengths\n\n\n"
    (package / "two.py").write_text(f"{lengths}class A(Lengths):\n    pass\n\n\nclass B(Lengths):\n    pass\n")
    (package / "one.py").write_text(f"{lengths}class _Base(Lengths):\n    pass\n\n\nclass Own(_Base):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    # not "no such stage": the module is there
    with pytest.raises(OwnModuleError, match=r"lacking\.py:1: ModuleNotFoundError: .* 'a_package_that_is_not_there'"):
        stage_class("own_stages.lacking")
    with pytest.raises(KeyError, match="two"):
        stage_class("own_stages.two")
    assert stage_class("own_stages.one").__name__ == "Own"
