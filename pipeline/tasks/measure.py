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
        self._measure = _measure_function(self.stage, description)
        self._late = description.get("late", False)

    @property
    def drops_early(self) -> bool:
        """Whether what the stage drops leaves the text pass at once: not where a stage before it reads the texts."""
        stage = self.stage
        early = isinstance(stage, MapStage) and getattr(stage.config, "early", False) and stage.judges
        return early and not self._late

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
        if not (self.stage.rewrites or _same_texts(before, after)):
            raise StageContractError(
                f"stage {self.name}: measure changed the column text, but the stage doesn't say so: set rewrites = True"
            )
        undeclared = [name for name in after.schema.names if name not in declared and name not in before.schema.names]
        if undeclared:
            raise StageContractError(
                f"stage {self.name}: measure made {', '.join(undeclared)}, which measured_columns doesn't declare"
            )


def _same_texts(before: pa.RecordBatch, after: pa.RecordBatch) -> bool:
    """Whether texts are the same: mostly they are in the same place, and needn't be compared."""
    texts = [batch.column("text") for batch in (before, after) if "text" in batch.schema.names]
    places = [[array.offset, *(buffer and buffer.address for buffer in array.buffers())] for array in texts]
    return len(texts) == 2 and (places[0] == places[1] or bool(texts[0].equals(texts[1])))


def _measure_function(stage: Stage[Any], description: Mapping[str, Any]) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    if "run" in description:
        module, name = description["run"].split(":")
        function = getattr(importlib.import_module(module), name)
        covered = "seed" in description["settings"]
        kind = StageSettings if covered else _WithoutSeed
        settings = kind(stage.name, stage.seed, description["settings"])
        return lambda batch: function(batch, settings)
    guarded = type(stage)(stage.name, stage.config.only(description["fields"]), stage.seed)
    if "seed" not in description["fields"]:
        guarded.__class__ = type(type(stage).__name__, (type(stage),), {"seed": _refuse_seed(stage.name)})
    return guarded.measure


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
