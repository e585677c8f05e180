"""The columns of a config's documents: what sources take along, and whether stages name columns that there are."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.config.run_config import RunConfig
from dspipe.pipeline.config.suggestions import suggest
from dspipe.pipeline.document import DOCUMENT, measured_schema
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.plan.text_passes import PhasesOf, invalid_stage, measuring
from dspipe.pipeline.stage import NamedConfig

_DERIVED = frozenset({"reason", "stage", "number"})
"""what documents have without a stage, or whoever looks at them finds out"""
_COUNTED = frozenset({"tokens", "copies"})
"""what the engine counts by, whichever stage it comes from"""


def check_names(config: RunConfig) -> None:
    """Raises InvalidConfigError where a stage is named like a column that is something else already."""
    taken = {*measured_schema().names, *_DERIVED, *_COUNTED}
    for index, stage in enumerate(config.stages):
        if isinstance(stage.config, NamedConfig) and stage.config.name in taken:
            message = f"documents have a column {stage.name} that is something else: choose another name"
            raise invalid_stage(config, index, message, ("name",))


def taken_columns(config: RunConfig) -> list[pa.Field]:
    """The columns that documents of any source take along from its files. Raises InvalidConfigError where two sources
    have different types for one, or where a document has a column of that name anyway."""
    found: dict[str, tuple[pa.Field, str]] = {}
    for index, source in enumerate(config.sources):
        for field in source.columns():
            own = measured_schema().names
            if field.name in own or field.name in _DERIVED:
                mend = "name its field in `fields`" if field.name in DOCUMENT.names else "choose another name"
                raise _invalid(config, index, field.name, f"every document has a column of this name: {mend}")
            before, other = found.setdefault(field.name, (field, source.config.name))
            if before.type != field.type:
                raise _invalid(config, index, field.name, f"is {field.type} here, and {before.type} in {other}")
    return [field for field, _ in found.values()]


def check_columns(config: RunConfig, phases: PhasesOf) -> None:
    """Let stages look at the columns that there are. Raises InvalidConfigError where one can't work with them, or where
    a column that a source takes along is one that a stage makes, or one that a stage named so makes another one's."""
    taken = taken_columns(config)
    known = {field.name: field.type for field in [*DOCUMENT, *taken, pa.field("reason", pa.string())]}
    makers: dict[str, int] = {}
    for index, stage in enumerate(config.stages):
        _check_concerns(config, index, known)
        made: Sequence[pa.Field] = [field for phase in phases.get(index, ()) for field in phase.writes]
        if any(index == other for other, _ in measuring(config)):
            made = [*stage.measured_columns(), *made]
        for field in made:
            if any(field.name == one.name for one in taken):
                at = next(i for i, s in enumerate(config.sources) if field.name in [one.name for one in s.columns()])
                message = f"the stage {stage.name} makes a column of this name: choose another one"
                raise _invalid(config, at, field.name, message)
            _check_maker(config, makers.setdefault(field.name, index), index, field.name)
            known[field.name] = field.type
    for index, stage in enumerate(config.stages):
        try:
            stage.check_columns(known)
        except ConfigError as error:
            raise invalid_stage(config, index, str(error), error.key) from None


def _check_maker(config: RunConfig, first: int, second: int, column: str) -> None:
    """Whether two stages, of which one has a name of its own, make one column. All that drop write `reason`."""
    named = [index for index in (second, first) if isinstance(config.stages[index].config, NamedConfig)]
    if first == second or column == "reason" or not named:
        return
    other = config.stages[first if named[0] == second else second].name
    message = f"makes the column {column}, as the stage {other} does: give it another `name`"
    raise invalid_stage(config, named[0], message)


def _check_concerns(config: RunConfig, index: int, known: Mapping[str, pa.DataType]) -> None:
    """Whether the columns by which a stage is for some documents only are there before it, and hold text or whole
    numbers."""
    for name in config.stages[index].concerns:
        if name not in known:
            message = f"no source and no stage before this one makes the column {name}; {suggest(name, list(known))}"
            raise invalid_stage(config, index, message, ("domains", name))
        kind = known[name]
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
            raise invalid_stage(config, index, f"{name} is {kind}, not text", ("domains", name))


def _invalid(config: RunConfig, source: int, name: str, message: str) -> InvalidConfigError:
    path: tuple[Any, ...] = ("sources", source, "columns", name)
    return InvalidConfigError([config.where.problem(path, message, config.raw)])
