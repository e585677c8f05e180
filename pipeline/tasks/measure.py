"""A stage's part in the text pass, checked against what the stage declares."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, cast

import pyarrow as pa

from dspipe.pipeline.config.discovery import make_stage
from dspipe.pipeline.errors import ConservationError, SettingNotInKeyError, StageContractError
from dspipe.pipeline.stage import MapStage, Stage, StageSettings


class MeasureStep:
    """Runs one stage's measure with the settings that its key covers, and no others.

    `description` is what `pipeline.plan.compile_stages.measure_step` gives.
    """

    def __init__(self, description: Mapping[str, Any], seed: int) -> None:
        self.stage: Stage[Any] = make_stage(description["stage"], description["config"], seed)
        self.name = self.stage.name
        self._declared = self.stage.measured_columns()
        self._late = description.get("late", False)
        self._changes = {*(field.name for field in self._declared), *(["text"] if self.stage.rewrites else [])}
        self._measure, self._set_up = _measure_function(self.stage, description)

    @property
    def drops_early(self) -> bool:
        """Whether what the stage drops leaves the text pass at once: not where a stage before it reads the texts."""
        stage = self.stage
        early = isinstance(stage, MapStage) and getattr(stage.config, "early", False) and stage.judges
        return early and not self._late

    def set_up(self) -> None:
        """Let the stage read its models and lists. Raises whatever the stage raises."""
        self._set_up()

    def judge(self, batch: pa.RecordBatch) -> pa.Array:
        """The verdicts of a stage that drops early."""
        return cast("MapStage[Any]", self.stage).verdicts(batch)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with the stage's columns, or with its text rewritten.

        Raises whatever the stage raises; ConservationError where documents are lost, added or put in another order, and
        StageContractError where a column is missing, of another type, or not declared.
        """
        after = self._measure(batch)
        if not isinstance(after, pa.RecordBatch):
            raise StageContractError(f"stage {self.name}: measure returned {type(after).__name__}, not a RecordBatch")
        self._check_documents(batch, after)
        self._check_columns(batch, after)
        return after

    def _check_documents(self, before: pa.RecordBatch, after: pa.RecordBatch) -> None:
        # ids may repeat, origins don't
        if all(name in after.schema.names and after[name].equals(before[name]) for name in ("id", "origin")):
            return
        ids, left = before.column("id").to_pylist(), after.column("id").to_pylist()
        remaining = set(left)
        lost = next((id for id in ids if id not in remaining), None)
        what = (
            f"document {lost} is missing" if lost is not None else "rows were added, repeated or put in another order"
        )
        raise ConservationError(f"stage {self.name}: {len(ids):,} documents went in, {len(left):,} came out; {what}")

    def _check_columns(self, before: pa.RecordBatch, after: pa.RecordBatch) -> None:
        declared = {field.name: field.type for field in self._declared}
        for name, kind in declared.items():
            index = after.schema.get_field_index(name)
            if index < 0:
                new = sorted(set(after.schema.names) - set(before.schema.names))
                made = f"it made {', '.join(new)}" if new else "it made no column"
                raise StageContractError(
                    f"stage {self.name}: measured_columns declares {name}, but measure didn't make it ({made})"
                )
            if after.schema.field(index).type != kind:
                raise StageContractError(
                    f"stage {self.name}: measured_columns declares {name} as {kind}, but measure made it as "
                    f"{after.schema.field(index).type}"
                )
        undeclared = [name for name in after.schema.names if name not in declared and name not in before.schema.names]
        if undeclared:
            raise StageContractError(
                f"stage {self.name}: measure made {', '.join(undeclared)}, which measured_columns doesn't declare"
            )
        for name in before.schema.names:
            if name not in self._changes and not _is_same(before, after, name):
                mend = "set `rewrites = True`" if name == "text" else "declare it in measured_columns"
                raise StageContractError(
                    f"stage {self.name}: measure changed the column {name}, which isn't the stage's; {mend}, or leave "
                    f"it as it was"
                )


def _is_same(before: pa.RecordBatch, after: pa.RecordBatch, name: str) -> bool:
    index = after.schema.get_field_index(name)
    if index < 0:
        return False
    one, other = before.column(name), after.column(index)
    addresses = [[buffer.address if buffer else 0 for buffer in column.buffers()] for column in (one, other)]
    # a column that was only passed on isn't compared: texts are 16 MB a batch
    passed_on = addresses[0] == addresses[1] and (one.offset, len(one)) == (other.offset, len(other))
    return passed_on or bool(one.equals(other))


def _measure_function(
    stage: Stage[Any], description: Mapping[str, Any]
) -> tuple[Callable[[pa.RecordBatch], pa.RecordBatch], Callable[[], None]]:
    """What measures, and what makes it ready."""
    if "run" in description:
        module, name = description["run"].split(":")
        function = getattr(importlib.import_module(module), name)
        covered = "seed" in description["settings"]
        kind = StageSettings if covered else _WithoutSeed
        settings = kind(stage.name, stage.seed, description["settings"])
        return lambda batch: function(batch, settings), lambda: None
    guarded = type(stage)(stage.name, stage.config.only(description["fields"]), stage.seed)
    if "seed" not in description["fields"]:
        guarded.__class__ = type(type(stage).__name__, (type(stage),), {"seed": _refuse_seed(stage.name)})
    return guarded.measure, guarded.set_up


def _refuse_seed(stage: str) -> property:
    def read(_: object) -> int:
        raise SettingNotInKeyError(f"stage {stage}", "seed")

    return property(read)


class _WithoutSeed(StageSettings):
    """Of a measure whose key doesn't cover the run's seed."""

    def __getattribute__(self, name: str) -> Any:
        if name == "seed":
            raise SettingNotInKeyError(f"stage {self.name}", "seed")
        return super().__getattribute__(name)
