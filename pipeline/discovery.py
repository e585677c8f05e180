"""Finding stages and source formats by their names in the config: a module's name is the key."""

import importlib
import importlib.util
import pkgutil
from types import ModuleType
from typing import Any, TypeVar

from pipeline.source import Source
from pipeline.stage import Stage

T = TypeVar("T")


def stage_names() -> list[str]:
    """The keys of all stages: modules of the package `stages` that hold a stage class."""
    return [name for name in _modules("stages") if _holds_class(f"stages.{name}", "Stage")]


def source_formats() -> list[str]:
    """The names of all source formats."""
    return [name for name in _modules("stages.sources") if _holds_class(f"stages.sources.{name}", "Source")]


def stage_module(name: str) -> str:
    """The module of a stage: `stages.<name>`, or the name itself when it has a dot (a stage of the user's own)."""
    return name if "." in name else f"stages.{name}"


def stage_class(name: str) -> type[Stage[Any]]:
    """The class of a stage. Raises KeyError when there is none of that name."""
    return _the_class(stage_module(name), Stage, name)


def source_class(format: str) -> type[Source[Any]]:
    """The class of a source format. Raises KeyError when there is none of that name."""
    return _the_class(f"stages.sources.{format}", Source, format)  # type: ignore[type-abstract]


def settings_of(stage: Stage[Any]) -> dict[str, Any]:
    """A stage's settings for `make_stage`: those that were given, since some models look at which were."""
    return dict(stage.config.model_dump(mode="json", exclude_unset=True))


def make_stage(name: str, config: dict[str, Any], seed: int) -> Stage[Any]:
    """A stage from its settings."""
    found = stage_class(name)
    return found(name.rpartition(".")[2], found.Config.model_validate(config), seed)


def _modules(package: str) -> list[str]:
    module = importlib.import_module(package)
    return sorted(info.name for info in pkgutil.iter_modules(module.__path__) if not info.ispkg)


def _holds_class(module: str, base: str) -> bool:
    # looked up in the source, since importing every stage to list their names would take seconds
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return False
    with open(spec.origin, encoding="utf-8") as source:  # noqa: PTH123
        return any(line.startswith("class ") and f"{base}[" in line for line in source)


def _the_class(module_name: str, base: type[T], name: str) -> type[T]:
    try:
        module: ModuleType = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise KeyError(name) from None
        raise
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
