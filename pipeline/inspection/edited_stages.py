"""The stages of a run, as its config has them, and as they would be after `--set` edits."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from dspipe.pipeline.config.discovery import settings_of
from dspipe.pipeline.config.edits import apply_edit
from dspipe.pipeline.config.problems import InvalidConfigError, Locator
from dspipe.pipeline.config.run_config import parse_stages
from dspipe.pipeline.config.yaml_lines import KeyPath
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.plan.settings_read import fields_measured
from dspipe.pipeline.rejudging import NeedsRunError
from dspipe.pipeline.run.run_file import read_run_config
from dspipe.pipeline.stage import MapStage, Stage
from dspipe.pipeline.storage.store import Store

_NO_VERDICT = ("name", "output", "engine")
"""top-level keys that change where and how a run is made, and no verdict"""
_ABSENT = object()


@dataclass(frozen=True)
class Change:
    """A setting that an edit changes."""

    key: str
    """`stages.heuristics.gopher.min_words`"""
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return dict(vars(self))


@dataclass(frozen=True)
class ConfiguredStage:
    """A stage of the run, before and after the edits; both None where it is of the run's own and left out."""

    name: str
    before: Stage[Any] | None
    after: Stage[Any] | None
    changed: bool = False


@dataclass(frozen=True)
class EditedStages:
    """All stages of a run in the order of its config, and what the edits change."""

    stages: tuple[ConfiguredStage, ...]
    changes: tuple[Change, ...]


class RunSettings:
    """A run's config, to be edited any number of times."""

    def __init__(self, values: Mapping[str, Any], lines: dict[KeyPath, int], file: str, import_own: bool) -> None:
        self._values, self._lines, self._file, self._import_own = dict(values), lines, file, import_own
        self._before = self._stages(self._values, Locator(file, lines, {}))

    @staticmethod
    def read(store: Store, import_own: bool = False) -> "RunSettings":
        """The config that a run has left. Only `import_own` imports the modules of its own that it names. Raises
        InvalidConfigError."""
        values, lines = read_run_config(store)
        return RunSettings(values, lines, store.path("config.yaml"), import_own)

    def edited(self, edits: Sequence[str], columns: Mapping[str, pa.DataType]) -> EditedStages:
        """The stages after `--set` edits, of a run with these columns. Raises InvalidConfigError with every mistake;
        NeedsRunError for an edit that changes what is read or measured."""
        values, where = copy.deepcopy(self._values), Locator(self._file, self._lines, {})
        for edit in edits:
            apply_edit(edit, values, where)
        after = self._stages(values, where)
        self._check_outside(values)
        names = [_module(item) for item in self._values["stages"]]
        if [_module(item) for item in values["stages"]] != names:
            raise NeedsRunError("stages that come, go or change places need a run: other texts would be measured")
        found, changes = [], []
        for index, name in enumerate(names):
            before, now = self._before.get(index), after.get(index)
            if before is None or now is None:
                if values["stages"][index] != self._values["stages"][index]:
                    message = f"{name} is a module of the run's own, which isn't imported: ask with --import-own"
                    raise NeedsRunError(message)
                found.append(ConfiguredStage(name.rpartition(".")[2], None, None))
                continue
            if before.name != now.name:
                raise NeedsRunError(f"another name of {name} needs a run: it names columns")
            changed = settings_of(before) != settings_of(now)
            if changed:
                _check_measured_alike(before, now)
                problem = _problem(now, columns)
                if problem is not None and _problem(before, columns) is None:
                    path = ("stages", index, name, *problem.key)
                    raise InvalidConfigError([where.problem(path, str(problem), values)])
                changes += _changes(f"stages.{settings_of(before).get('name') or name}", before, now)
            found.append(ConfiguredStage(before.name, before, now, changed))
        return EditedStages(tuple(found), tuple(changes))

    def _stages(self, values: Any, where: Locator) -> dict[int, Stage[Any]]:
        parts = parse_stages(values, where, self._import_own)
        parts.config()  # raises what is wrong
        return {index: stage for index, _, stage in parts.stages}

    def _check_outside(self, values: Mapping[str, Any]) -> None:
        for key in dict.fromkeys([*values, *self._values]):
            if key in ("stages", *_NO_VERDICT) or values.get(key) == self._values.get(key):
                continue
            if key == "sources":
                raise NeedsRunError("other sources need a run: their documents aren't read yet")
            raise NeedsRunError(f"another {key} needs a run: it changes more than verdicts")


def _module(item: Any) -> str:
    return str(next(iter(item))) if isinstance(item, dict) and item else str(item)


def _problem(stage: Stage[Any], columns: Mapping[str, pa.DataType]) -> ConfigError | None:
    """What the stage finds wrong with its settings or the columns. Of a model or list that isn't on this machine the
    verdicts may be known all the same."""
    try:
        stage.check()
        stage.check_columns(columns)
    except ConfigError as error:
        return error
    except Exception:  # of whatever library reads its files
        return None
    return None


def _check_measured_alike(before: Stage[Any], after: Stage[Any]) -> None:
    """Raises NeedsRunError where the columns that are stored aren't those that `after` would have."""
    if not any(_measures(stage) for stage in (before, after)):
        return
    touched = {key for key in type(before.config).model_fields if _given(before, key) != _given(after, key)}
    if not touched & (fields_measured(before) | fields_measured(after)):
        return
    what = ", ".join(sorted(touched))
    try:
        same = dict(before.measure_settings()) == dict(after.measure_settings())
        alike = same or (
            isinstance(before, MapStage) and isinstance(after, MapStage) and after.judges_measured_by(before)
        )
    except Exception as error:  # of whatever library reads its files
        raise NeedsRunError(f"what {after.name} measures may depend on {what}: {error}") from None
    if not alike:
        raise NeedsRunError(f"{what} of {after.name} changes what is measured: it needs a run, which reads texts again")


def _measures(stage: Stage[Any]) -> bool:
    return bool(stage.measured_columns() or stage.measure_run or type(stage).measure is not Stage.measure)


def _given(stage: Stage[Any], key: str) -> Any:
    return settings_of(stage).get(key, _ABSENT)


def _changes(path: str, before: Stage[Any], after: Stage[Any]) -> list[Change]:
    given = [_flat(settings_of(stage)) for stage in (before, after)]
    whole = [_flat(stage.config.model_dump(mode="json")) for stage in (before, after)]
    keys = dict.fromkeys([*given[0], *given[1]])
    edited = [key for key in keys if given[0].get(key, _ABSENT) != given[1].get(key, _ABSENT)]
    return [Change(".".join((path, *key)), *(values.get(key) for values in whole)) for key in edited]


def _flat(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if not isinstance(value, dict) or (path and not value):
        return {path: value}
    return {key: found for name, part in value.items() for key, found in _flat(part, (*path, str(name))).items()}
