"""stages -> phases: the text passes, the decisions of neighbouring map stages, what each global stage asks for."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from dspipe.pipeline.config.discovery import settings_of, stage_module
from dspipe.pipeline.config.run_config import RunConfig
from dspipe.pipeline.document import DOCUMENT, document_schema
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.plan.columns import check_columns, check_names, taken_columns
from dspipe.pipeline.plan.fingerprint import code_fingerprint, function_module
from dspipe.pipeline.plan.index_phases import index_phases
from dspipe.pipeline.plan.planned_phase import JUDGING, STAGES_FUNCTION, PlannedPhase
from dspipe.pipeline.plan.settings_read import measure_settings
from dspipe.pipeline.plan.text_passes import TextPass, cut_into_passes, invalid_stage, measuring
from dspipe.pipeline.stage import Corpus, GlobalStage, MapStage, Phase, Stage

DOCUMENTS = "documents"
"""the name of the text pass; that of the second one is documents-2"""
JUDGE = "judge"

_TEXT_PASS = "dspipe.pipeline.tasks.text_pass:run"
_LATER_TEXT_PASS = "dspipe.pipeline.tasks.later_text_pass:run"


def compile_stages(config: RunConfig, corpus: Corpus) -> list[list[PlannedPhase]]:
    """Per stage (or group of neighbouring map stages) its phases in order; the text pass stands first, and later ones
    behind the stages that make them necessary; last the index of documents. Raises InvalidConfigError.
    """
    check_names(config)
    phases = _phases_of(config, corpus)
    first, *later = cut_into_passes(config, phases)
    _check_makers(config)
    check_columns(config, phases)
    groups: list[list[PlannedPhase]] = [[_text_pass(config, corpus, first)]]
    later_passes = {text_pass.behind: number for number, text_pass in enumerate(later)}
    judging: list[int] = []
    judge_phases = 0
    for index, stage in enumerate(config.stages):
        if isinstance(stage, MapStage):
            if stage.judges:
                _check_judge(config, index, stage)
                judging.append(index)
            if index not in later_passes:
                continue
        if judging:
            judge_phases += 1
            groups.append([_judging(config, judging, judge_phases)])
            judging = []
        try:
            groups.append([_global(config, index, phase) for phase in phases.get(index, ())])
        except ConfigError as error:
            raise invalid_stage(config, index, str(error), error.key) from None
        if index in later_passes:
            number = later_passes[index]
            groups.append([_later_pass(config, later[number], number + 2)])
    if judging:
        groups.append([_judging(config, judging, judge_phases + 1)])
    return [*groups, index_phases(corpus)] if config.engine.index else groups


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


def _phases_of(config: RunConfig, corpus: Corpus) -> dict[int, list[Phase]]:
    phases = {}
    for index, stage in enumerate(config.stages):
        if isinstance(stage, GlobalStage):
            try:
                phases[index] = stage.phases(corpus)
            except ConfigError as error:
                raise invalid_stage(config, index, str(error), error.key) from None
    return phases


def _check_makers(config: RunConfig) -> None:
    maker: dict[str, str] = {}
    for index, stage in measuring(config):
        for column in stage.measured_columns():
            if column.name in maker and column.name != "text":
                raise invalid_stage(config, index, f"the column {column.name} is already made by {maker[column.name]}")
            maker[column.name] = stage.name


def _steps(config: RunConfig, text_pass: TextPass) -> tuple[list[dict[str, Any]], list[list[Any]], tuple[str, ...]]:
    """What workers must know of a pass's stages, what the results depend on, and what `dspipe plan` says besides."""
    steps, depends = [], []
    for index in text_pass.stages:
        step, covered = measure_step(config, index)
        if index in text_pass.late:
            step, covered = {**step, "late": True}, [*covered, "late"]
        steps.append(step)
        depends.append(covered)
    early = [
        config.stages[index].name
        for index in text_pass.stages
        if getattr(config.stages[index].config, "early", False) and index not in text_pass.late
    ]
    notes = [f"text dropped at once by {', '.join(early)}"] if early else []
    for index, reader in text_pass.late.items():
        stage, before = config.stages[index].name, config.stages[reader].name
        notes.append(f"not by {stage}, though it says `early`: {before} before it reads the texts")
    return steps, depends, tuple(notes)


def _text_pass(config: RunConfig, corpus: Corpus, text_pass: TextPass) -> PlannedPhase:
    stages = [config.stages[index] for index in text_pass.stages]
    names = ", ".join(stage.name for stage in stages)
    steps, depends, notes = _steps(config, text_pass)
    taken = taken_columns(config)
    schema = document_schema(stages, taken)
    return PlannedPhase(
        name=DOCUMENTS,
        over="inputs",
        title=f"Read, then in one pass over the text: {names}" if names else "Read",
        stages=(DOCUMENTS,),
        runner=_TEXT_PASS,
        payload={
            "steps": steps,
            "documents": corpus.documents,
            "taken": pa.schema(taken).serialize().to_pybytes().hex(),
        },
        depends={
            "stages": depends,
            "taken": [[field.name, str(field.type)] for field in taken],
            "code": code_fingerprint("dspipe.pipeline.tasks.text_pass"),
            "batches": [config.engine.batch_rows, config.engine.batch_bytes],
        },
        schema=schema.serialize().to_pybytes().hex(),
        written=tuple(schema.names),
        measures=True,
        gpus=_gpus(stages),
        notes=notes,
    )


def _later_pass(config: RunConfig, text_pass: TextPass, number: int) -> PlannedPhase:
    stages = [config.stages[index] for index in text_pass.stages]
    steps, depends, notes = _steps(config, text_pass)
    columns = {column.name: column for stage in stages for column in stage.measured_columns()}
    if any(stage.rewrites for stage in stages):
        columns |= {name: DOCUMENT.field(name) for name in ("text", "text_bytes")}
    schema = pa.schema([pa.field("reason", pa.string()), *columns.values()])
    taken = taken_columns(config)
    before = config.stages[text_pass.behind].name
    return PlannedPhase(
        name=f"{DOCUMENTS}-{number}",
        over="shards",
        title=f"Read the texts again behind {before}, then in one pass: {', '.join(stage.name for stage in stages)}",
        stages=(f"{DOCUMENTS}-{number}",),
        runner=_LATER_TEXT_PASS,
        payload={"steps": steps, "taken": pa.schema(taken).serialize().to_pybytes().hex()},
        depends={"stages": depends, "code": code_fingerprint("dspipe.pipeline.tasks.later_text_pass")},
        columns=("reason", *DOCUMENT.names, *(field.name for field in taken)),
        schema=schema.serialize().to_pybytes().hex(),
        written=tuple(schema.names),
        measures=True,
        gpus=_gpus(stages),
        notes=notes,
    )


def _gpus(stages: Sequence[Stage[Any]]) -> float:
    """Of one GPU: the stages of a pass measure one after the other, in one process."""
    return max((stage.gpus for stage in stages), default=0.0)


def _judging(config: RunConfig, indexes: Sequence[int], number: int) -> PlannedPhase:
    stages = [config.stages[index] for index in indexes]
    modules = [config.modules[index] for index in indexes]
    judging = [stage for stage in stages if isinstance(stage, MapStage)]
    columns = [column for stage in judging for column in (*stage.judge_columns(), *stage.concerns)]
    settings = [[module, stage.config.model_dump(mode="json")] for module, stage in zip(modules, stages, strict=True)]
    payload = [[module, settings_of(stage)] for module, stage in zip(modules, stages, strict=True)]
    code = [code_fingerprint(stage_module(module)) for module in modules]
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
        runner=STAGES_FUNCTION,
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
        products=phase.products,
        on_demand=phase.on_demand,
        sample_bytes=phase.sample_bytes,
    )


def _check_judge(config: RunConfig, index: int, stage: MapStage[Any]) -> None:
    if not stage.judge_columns():
        message = "has a `judge`, but `judge_columns` names no columns for it, so it would never be asked"
        raise invalid_stage(config, index, f"{message}; name them, or say with `judges` when it doesn't judge")
