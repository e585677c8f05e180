"""Finding stages and source formats by their names in the config: a module's name is the key."""

import importlib
import importlib.util
import pkgutil
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from pydantic import BaseModel

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.source import Source
from dspipe.pipeline.stage import NamedConfig, Stage, StageConfig

T = TypeVar("T")
STAGES = "dspipe.stages"
FORMATS = "dspipe.stages.sources"


class OwnModuleError(Exception):
    """A module of the user's can't be imported: which, where in it, and why."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the module {name} can't be imported: {why}")


def stage_names() -> list[str]:
    """The keys of all stages: the files of the package `dspipe.stages`, and its folders that hold a file `stage.py`."""
    found = pkgutil.iter_modules(importlib.import_module(STAGES).__path__)
    return sorted(info.name for info in found if not info.ispkg or find_module(f"{STAGES}.{info.name}.stage"))


def source_formats() -> list[str]:
    """The names of all source formats: the files of the package `stages.sources`."""
    found = pkgutil.iter_modules(importlib.import_module(FORMATS).__path__)
    return sorted(info.name for info in found if not info.ispkg)


def stage_module(name: str) -> str:
    """The module of a stage: its file, or `stage` in its folder; one of the user's own is named in full, with a dot."""
    if "." in name:
        return name
    return f"{STAGES}.{name}.stage" if find_module(f"{STAGES}.{name}.stage") else f"{STAGES}.{name}"


def format_module(name: str) -> str:
    """The module of a source format; one of the user's own is named in full, with a dot."""
    return name if "." in name else f"{FORMATS}.{name}"


def stage_class(name: str) -> type[Stage[Any]]:
    """The class of a stage. Raises KeyError when there is none of that name."""
    return _the_class(stage_module(name), Stage, name)


def source_class(format: str) -> type[Source[Any]]:
    """The class of a source format; one with a dot is a module of the user's. Raises KeyError when there is none."""
    return _the_class(format_module(format), Source, format)  # type: ignore[type-abstract]


def settings_of(stage: Stage[Any]) -> dict[str, Any]:
    """A stage's settings for `make_stage`: those that were given, since some models look at which were."""
    return dict(stage.config.model_dump(mode="json", exclude_unset=True))


def check_settings_travel(config: BaseModel) -> None:
    """Raises ConfigError where the settings that workers are given aren't those that the config has."""
    there = type(config).model_validate(config.model_dump(mode="json", exclude_unset=True))
    for name in type(config).model_fields:
        if getattr(there, name) != getattr(config, name):
            message = (
                "wouldn't reach the workers: the config model leaves it out of what it dumps, or dumps another value"
            )
            raise ConfigError(f"{message} (a field with exclude=True can't be a setting)", (name,))


def make_stage(key: str, config: dict[str, Any], seed: int) -> Stage[Any]:
    """A stage from its settings."""
    found = stage_class(key)
    settings = found.Config.model_validate(config)
    return found(stage_name(key, settings), settings, seed)


def stage_name(key: str, config: StageConfig) -> str:
    """What a stage is called: the name it was given, or its key; one of the user's own without the path to it."""
    given = config.name if isinstance(config, NamedConfig) else None
    return given or key.rpartition(".")[2]


def find_module(module: str) -> bool:
    """Whether there is a module of that name on Python's path; a name that begins with a dot is of none."""
    try:
        return not module.startswith(".") and importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _the_class(module_name: str, base: type[T], name: str) -> type[T]:
    if module_name.startswith("."):
        raise KeyError(name)  # relative to nothing
    try:
        module: ModuleType = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise KeyError(name) from None
        raise OwnModuleError(name, _import_failure(error, module_name)) from None
    except Exception as error:
        raise OwnModuleError(name, _import_failure(error, module_name)) from None
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, base)
        and value.__module__ == module_name
        and not value.__name__.startswith("_")
    ]
    if len(found) != 1:
        raise KeyError(name)
    return found[0]


def _import_failure(error: BaseException, module: str) -> str:
    """`mine.py:3: NameError: name 'x' is not defined`: the last line of the user's own code that was reached."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(error.filename)}:{error.lineno}: SyntaxError: {error.msg}"
    spec = importlib.util.find_spec(module)
    folder = str(Path(spec.origin).parent) if spec and spec.origin else ""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    own = [frame for frame in frames if folder and frame.filename.startswith(folder)]
    where = (own or frames)[-1]
    return f"{_shown(where.filename)}:{where.lineno}: {said}"


def _shown(file: str) -> str:
    """A file's path below the working directory, where it is there."""
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
