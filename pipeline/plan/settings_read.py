"""Which settings a method of a stage looks at: those that its result stands for in a key."""

from collections.abc import Mapping
from contextlib import suppress
from types import FunctionType, MethodType
from typing import Any, cast

from dspipe.pipeline.stage import Settings, Stage, StageConfig


def measure_settings(stage: Stage[Any]) -> tuple[Settings, list[str]]:
    """A stage's `measure_settings`, and the names of the fields of its config model that the method has looked at.

    Asked of a new instance: what the given one has worked out before would hide what it read.
    """
    recorder = _Recorder(stage.config)
    asked = type(stage)(stage.name, cast("Any", recorder), stage.seed)
    recorder.fields_read.clear()  # what the constructor reads isn't in the settings
    asked.__class__ = type(
        type(stage).__name__, (type(stage),), {"seed": property(lambda _: recorder.read_seed(stage))}
    )
    settings = dict(asked.measure_settings())
    return settings, sorted(recorder.fields_read)


def fields_measured(stage: Stage[Any]) -> frozenset[str]:
    """The names of the fields that `measure_settings` looks at, also where it then fails for want of a model's file."""
    recorder = _Recorder(stage.config)
    with suppress(Exception):  # of whatever library reads the files
        type(stage)(stage.name, cast("Any", recorder), stage.seed).measure_settings()
    return frozenset(recorder.fields_read)


class _Recorder:
    """A config model that notes which of its fields are read, by its own methods and properties too."""

    def __init__(self, config: StageConfig) -> None:
        self.__dict__.update(given=config, fields_read=set())

    def __getattr__(self, name: str) -> Any:
        config: StageConfig = self.__dict__["given"]
        if name in type(config).model_fields:
            self.__dict__["fields_read"].add(name)
            return getattr(config, name)
        defined = _definition(type(config), name)
        if isinstance(defined, property) and defined.fget is not None:
            return defined.fget(self)
        if isinstance(defined, FunctionType) and not hasattr(StageConfig, name):
            return MethodType(defined, self)
        return getattr(config, name)

    def read_seed(self, stage: Stage[Any]) -> int:
        """The run's seed, noted as read."""
        self.__dict__["fields_read"].add("seed")
        return stage.seed

    def model_dump(self, **options: Any) -> Mapping[str, Any]:
        """Notes the fields that are given out."""
        config: StageConfig = self.__dict__["given"]
        given = config.model_dump(**options)
        self.__dict__["fields_read"].update(given)
        return given


def _definition(kind: type, name: str) -> Any:
    return next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)
