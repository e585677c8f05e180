"""stages -> phases: the text pass, the decisions of neighbouring map stages, and what each global stage asks for."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from dspipe.pipeline.config.discovery import settings_of, stage_module
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.config.run_config import RunConfig
from dspipe.pipeline.document import document_schema
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.plan.fingerprint import code_fingerprint, function_module
from dspipe.pipeline.plan.planned_phase import JUDGING, TEXT_PASS, PlannedPhase
from dspipe.pipeline.plan.settings_read import measure_settings
from dspipe.pipeline.stage import Corpus, GlobalStage, MapStage, Phase, Stage

DOCUMENTS = "documents"
"""the name of the text pass"""
JUDGE = "judge"

_STAGES_FUNCTION = "dspipe.pipeline.tasks.task:run_stages_function"


def compile_stages(config: RunConfig, corpus: Corpus) -> list[list[PlannedPhase]]:
    """Per stage (or group of neighbouring map stages) its phases in order; the text pass stands first.

    Raises InvalidConfigError.
    """
    groups: list[list[PlannedPhase]] = [[_text_pass(config, corpus)]]
    judging: list[int] = []
    judge_phases = 0
    for index, stage in enumerate(config.stages):
        if isinstance(stage, MapStage):
            if stage.judges:
                _check_judge(config, index, stage)
                judging.append(index)
            continue
        if judging:
            judge_phases += 1
            groups.append([_judging(config, judging, judge_phases)])
            judging = []
        assert isinstance(stage, GlobalStage)
        try:
            phases = stage.phases(corpus)
            groups.append([_global(config, index, phase) for phase in phases])
        except ConfigError as error:
            raise _invalid(config, index, str(error), error.key) from None
    if judging:
        groups.append([_judging(config, judging, judge_phases + 1)])
    return groups


def measuring(config: RunConfig) -> Iterator[tuple[int, Stage[Any]]]:
    """The stages that have a part in the text pass, with their places in the config."""
    for index, stage in enumerate(config.stages):
        if stage.measured_columns() or stage.measure_run or type(stage).measure is not Stage.measure:
            yield index, stage


def measure_step(config: RunConfig, index: int) -> tuple[dict[str, Any], list[Any]]:
    """What a worker must know to run a stage's measure, as JSON values, and what the result depends on."""
    stage, module = config.stages[index], config.modules[index]
    settings, fields = measure_settings(stage)
    step: dict[str, Any] = {"stage": module, "config": settings_of(stage), "fields": fields}
    code = stage_module(module)
    if stage.measure_run:
        step |= {"run": stage.measure_run, "settings": settings}
        code = function_module(stage.measure_run)
    depends: list[Any] = [module, dict(settings), code_fingerprint(code)]
    if getattr(stage.config, "early", False):
        depends += [stage.config.model_dump(mode="json"), config.seed, code_fingerprint(stage_module(module))]
    return step, depends


def _text_pass(config: RunConfig, corpus: Corpus) -> PlannedPhase:
    maker: dict[str, str] = {}
    steps, depends = [], []
    for index, stage in measuring(config):
        for column in stage.measured_columns():
            if column.name in maker and column.name != "text":
                raise _invalid(config, index, f"the column {column.name} is already made by {maker[column.name]}")
            maker[column.name] = stage.name
        step, covered = measure_step(config, index)
        steps.append(step)
        depends.append(covered)
    names = [stage.name for _, stage in measuring(config)]
    early = [stage.name for _, stage in measuring(config) if getattr(stage.config, "early", False)]
    title = f"Read, then in one pass over the text: {', '.join(names)}" if names else "Read"
    schema = document_schema(list(config.stages))
    return PlannedPhase(
        name=DOCUMENTS,
        over="inputs",
        title=title,
        stages=(DOCUMENTS,),
        runner=TEXT_PASS,
        payload={"steps": steps, "documents": corpus.documents},
        depends={
            "stages": depends,
            "code": code_fingerprint("dspipe.pipeline.tasks.text_pass"),
            "batches": [config.engine.batch_rows, config.engine.batch_bytes],
        },
        schema=schema.serialize().to_pybytes().hex(),
        written=tuple(schema.names),
        notes=(f"text dropped at once by {', '.join(early)}",) if early else (),
    )


def _judging(config: RunConfig, indexes: Sequence[int], number: int) -> PlannedPhase:
    stages = [config.stages[index] for index in indexes]
    modules = [config.modules[index] for index in indexes]
    columns = [column for stage in stages if isinstance(stage, MapStage) for column in stage.judge_columns()]
    settings = [[module, stage.config.model_dump(mode="json")] for module, stage in zip(modules, stages, strict=True)]
    payload = [[module, settings_of(stage)] for module, stage in zip(modules, stages, strict=True)]
    code = [code_fingerprint(stage_module(module)) for module in modules]
    code.append(code_fingerprint("dspipe.pipeline.tasks.judge"))
    return PlannedPhase(
        name=JUDGE if number == 1 else f"{JUDGE}-{number}",
        over="shards",
        title=f"Verdicts from columns: {', '.join(stage.name for stage in stages)}",
        stages=tuple(stage.name for stage in stages),
        runner=JUDGING,
        payload={"stages": payload},
        depends={
            "stages": settings,
            "seed": config.seed,
            "code": [*code, code_fingerprint("dspipe.pipeline.tasks.judge")],
        },
        columns=tuple(dict.fromkeys(["id", "url", "place", *columns])),
        schema=pa.schema([pa.field("reason", pa.string())]).serialize().to_pybytes().hex(),
        written=("reason",),
    )


def _global(config: RunConfig, index: int, phase: Phase) -> PlannedPhase:
    stage = config.stages[index]
    schema = pa.schema(list(phase.writes))
    settings = dict(phase.settings)
    return PlannedPhase(
        name=phase.name,
        over=phase.over,
        title=phase.title,
        stages=(stage.name,),
        runner=_STAGES_FUNCTION,
        payload={"run": phase.run, "stage": stage.name, "settings": settings},
        depends={
            "run": phase.run,
            "stage": stage.name,
            "settings": settings,
            "seed": config.seed,
            "partitions": phase.partitions,
            "schema": str(schema),
            "code": code_fingerprint(function_module(phase.run)),
        },
        columns=phase.columns,
        exchange=phase.exchange,
        also_receives=phase.also_receives,
        artifacts=phase.artifacts,
        own_artifacts=phase.own_artifacts,
        all_shards_columns=phase.all_shards_columns,
        schema=schema.serialize().to_pybytes().hex() if phase.writes else "",
        written=tuple(schema.names),
        emits=phase.emits,
        partitions=phase.partitions,
        makes_artifacts=phase.makes_artifacts,
        on_demand=phase.on_demand,
    )


def _check_judge(config: RunConfig, index: int, stage: MapStage[Any]) -> None:
    if not stage.judge_columns():
        message = "has a `judge`, but `judge_columns` names no columns for it, so it would never be asked"
        raise _invalid(config, index, f"{message}; name them, or say with `judges` when it doesn't judge")


def _invalid(config: RunConfig, index: int, message: str, key: tuple[str | int, ...] = ()) -> InvalidConfigError:
    path = ("stages", index, config.modules[index], *key)
    return InvalidConfigError([config.where.problem(path, message, config.raw)])
