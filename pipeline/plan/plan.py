"""config -> plan: the phases that a config compiles to, in the order in which they can run."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dspipe.pipeline.config.discovery import settings_of, stage_module
from dspipe.pipeline.config.problems import InvalidConfig, Locator, Problem
from dspipe.pipeline.config.run_config import RunConfig
from dspipe.pipeline.plan.fingerprint import code_fingerprint
from dspipe.pipeline.plan.inputs import Unreachable, input_files
from dspipe.pipeline.plan.left_out import LeftOut
from dspipe.pipeline.source import InputFile
from dspipe.pipeline.stage import ConfigError, Corpus, GlobalStage, MapStage, Phase, Stage
from dspipe.pipeline.tasks.merge_exchange import group_size

DOCUMENTS = "documents"
JUDGE = "judge"


@dataclass(frozen=True)
class Shard:
    """One input shard: the files that one task reads. Its number is its place in the plan, the oldest dump first."""

    source: int
    files: tuple[InputFile, ...]

    @property
    def bytes(self) -> int:
        """Stored bytes, as far as they are known."""
        return sum(file.size or 0 for file in self.files)


@dataclass(frozen=True)
class PlannedPhase:
    """A phase with all that its tasks have in common."""

    name: str
    stages: tuple[str, ...]
    over: str
    runner: str
    payload: dict[str, Any]
    depends: dict[str, Any]
    """what every task's key covers: code and settings"""
    columns: tuple[str, ...] = ()
    exchange: str | None = None
    also_receives: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    all_shards_columns: tuple[str, ...] = ()
    writes: str = ""
    decides: bool = False
    written: tuple[str, ...] = ()
    emits: str | None = None
    partitions: int = 0
    makes_artifacts: tuple[str, ...] = ()
    on_demand: bool = False
    group: int = 1
    """over groups of senders: how many senders are merged into one file"""

    def needs(self) -> set[str]:
        """Names of what must have been made before: row columns, exchanges and artifacts."""
        columns = {name for name in (*self.columns, *self.all_shards_columns) if name != "reason"}
        return (
            columns | {f"artifact {name}" for name in self.artifacts} | {f"exchange {name}" for name in self.receives()}
        )

    def receives(self) -> tuple[str, ...]:
        """The exchanges that are read."""
        return (self.exchange, *self.also_receives) if self.exchange else ()

    def gives(self) -> set[str]:
        """Names of what is there after it."""
        return (
            set(self.written)
            | {f"artifact {name}" for name in self.makes_artifacts}
            | ({f"exchange {self.emits}"} if self.emits else set())
        )


@dataclass(frozen=True)
class Plan:
    """What a run will do."""

    config: RunConfig
    shards: tuple[Shard, ...]
    phases: tuple[PlannedPhase, ...]
    unreachable: tuple[str, ...] = ()
    """sources that could not be listed now"""
    readers: dict[int, dict[str, Any]] = field(default_factory=dict)
    """per source, what the text pass of its shards depends on"""
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    """per source's name, the files that lie where its path leads and aren't read"""

    def tasks(self, phase: PlannedPhase) -> int:
        """How many tasks a phase has."""
        if phase.over == "once":
            return 1
        if phase.over == "shards":
            return len(self.shards)
        sender = next(other for other in self.phases if other.emits == phase.exchange)
        if phase.over == "groups":
            return -(-self.tasks(sender) // phase.group)
        return sender.partitions or len(self.shards)


def make_plan(config: RunConfig, tolerate_unreachable: bool = False) -> Plan:
    """List the inputs and lay out the phases. Raises InvalidConfig.

    A storage that can't be asked now is a mistake too, unless it is to be tolerated (`dspipe plan` without a network).
    """
    shards: list[Shard] = []
    problems: list[Problem] = []
    unreachable: list[str] = []
    left_out: dict[str, LeftOut] = {}
    for index in _oldest_first(config):
        source = config.sources[index]
        try:
            inputs = input_files(source)
            shards += [Shard(index, files) for files in source.group(inputs.files)]
            left_out |= {source.config.name: inputs.left_out} if inputs.left_out.counts else {}
        except ConfigError as error:
            problems.append(config.where.problem(("sources", index, *error.key), str(error), config.raw))
        except Unreachable as error:
            unreachable.append(f"{source.config.name}: {error}")
            if not tolerate_unreachable:
                problems.append(
                    config.where.problem(("sources", index, "path"), f"cannot be listed: {error}", config.raw)
                )
    if problems:
        raise InvalidConfig(problems)
    corpus = Corpus(
        shards=len(shards),
        input_bytes=round(sum(_estimated_bytes(config, shard) for shard in shards)),
        documents=round(sum(_estimated_documents(config, shard) for shard in shards)),
        memory=config.engine.memory,
        stages=tuple(stage.name for stage in config.stages),
        rewriting=tuple((stage.name, stage.measure_settings()) for stage in config.stages if stage.rewrites),
    )
    phases = _ordered(_asked_for(_phases(config, corpus)), config)
    readers = {index: _reader_depends(config, index) for index in range(len(config.sources))}
    return _with_merges(Plan(config, tuple(shards), tuple(phases), tuple(unreachable), readers, left_out))


def _with_merges(plan: Plan) -> Plan:
    """Where an exchange has more senders times partitions than `engine.merge_above`, a phase that merges its files."""
    phases: list[PlannedPhase] = []
    for phase in plan.phases:
        phases.append(phase)
        senders, partitions = plan.tasks(phase), phase.partitions or len(plan.shards)
        group = group_size(senders)
        if phase.emits and group > 1 and senders * partitions > plan.config.engine.merge_above:
            merge = PlannedPhase(
                name=f"{phase.name}.merge",
                stages=phase.stages,
                over="groups",
                runner="dspipe.pipeline.tasks.merge_exchange:run",
                payload={"exchange": phase.emits},
                depends={"code": code_fingerprint("dspipe.pipeline.tasks.merge_exchange"), "partitions": partitions},
                exchange=phase.emits,
                emits=phase.emits,
                partitions=phase.partitions,
                group=group,
            )
            phases.append(merge)
    return replace(plan, phases=tuple(phases))


def _estimated_bytes(config: RunConfig, shard: Shard) -> int:
    typical = type(config.sources[shard.source]).typical_file_bytes
    return sum(typical if file.size is None else file.size for file in shard.files)


def _estimated_documents(config: RunConfig, shard: Shard) -> float:
    return _estimated_bytes(config, shard) / type(config.sources[shard.source]).typical_document_bytes


def _oldest_first(config: RunConfig) -> list[int]:
    """Sources by dump, those without one last, else as in the config: the smallest document number is the oldest."""
    order = range(len(config.sources))
    return sorted(
        order, key=lambda index: (config.sources[index].config.dump is None, config.sources[index].config.dump or "")
    )


def _reader_depends(config: RunConfig, index: int) -> dict[str, Any]:
    source = config.sources[index]
    return {"settings": source.read_settings(), "code": code_fingerprint(type(source).__module__)}


def _phases(config: RunConfig, corpus: Corpus) -> list[list[PlannedPhase]]:
    """Per stage (or group of neighbouring map stages) its phases in order; the text pass stands first."""
    groups: list[list[PlannedPhase]] = [[_text_pass(config)]]
    judging: list[int] = []
    judges = 0
    for index, stage in enumerate(config.stages):
        if isinstance(stage, MapStage):
            if stage.judge_columns():
                judging.append(index)
            continue
        if judging:
            judges += 1
            groups.append([_judging(config, judging, judges)])
            judging = []
        assert isinstance(stage, GlobalStage)
        try:
            phases = stage.phases(corpus)
        except ConfigError as error:
            path = ("stages", index, config.modules[index], *error.key)
            raise InvalidConfig([config.where.problem(path, str(error), config.raw)]) from None
        groups.append([_global(config, index, phase) for phase in phases])
    if judging:
        groups.append([_judging(config, judging, judges + 1)])
    return groups


def _text_pass(config: RunConfig) -> PlannedPhase:
    from dspipe.pipeline.tasks.text_pass import document_schema

    depends, payload = [], []
    seen: dict[str, str] = {}
    for index, (stage, module) in enumerate(zip(config.stages, config.modules, strict=True)):
        for column in stage.measured_columns():
            if column.name in seen and column.name != "text":
                message = f"the column {column.name} is already made by {seen[column.name]}"
                raise InvalidConfig([config.where.problem(("stages", index, module), message, config.raw)])
            seen[column.name] = stage.name
        if type(stage).measure is Stage.measure and not stage.measured_columns():
            continue
        settings = dict(stage.measure_settings())
        if getattr(stage.config, "early", False):
            settings["early"] = stage.config.model_dump(mode="json")
        depends.append([module, settings, code_fingerprint(stage_module(module))])
        payload.append([module, settings_of(stage)])
    schema = document_schema(list(config.stages))
    engine = config.engine
    return PlannedPhase(
        name=DOCUMENTS,
        stages=(DOCUMENTS,),
        over="shards",
        runner="dspipe.pipeline.tasks.text_pass:run",
        payload={"stages": payload},
        depends={
            "stages": depends,
            "code": code_fingerprint("dspipe.pipeline.tasks.text_pass"),
            "batches": [engine.batch_rows, engine.batch_bytes],
        },
        writes=schema.serialize().to_pybytes().hex(),
        written=tuple(schema.names),
    )


def _judging(config: RunConfig, indexes: Sequence[int], number: int) -> PlannedPhase:
    import pyarrow as pa

    stages = [config.stages[index] for index in indexes]
    modules = [config.modules[index] for index in indexes]
    columns = [column for stage in stages if isinstance(stage, MapStage) for column in stage.judge_columns()]
    settings = [[module, stage.config.model_dump(mode="json")] for module, stage in zip(modules, stages, strict=True)]
    payload = [[module, settings_of(stage)] for module, stage in zip(modules, stages, strict=True)]
    schema = pa.schema([pa.field("reason", pa.string())])
    return PlannedPhase(
        name=JUDGE if number == 1 else f"{JUDGE}-{number}",
        stages=tuple(stage.name for stage in stages),
        over="shards",
        runner="dspipe.pipeline.tasks.judge:run",
        payload={"stages": payload},
        depends={
            "stages": settings,
            "code": [code_fingerprint(stage_module(module)) for module in modules]
            + [code_fingerprint("dspipe.pipeline.tasks.judge")],
        },
        columns=tuple(dict.fromkeys(columns)),
        writes=schema.serialize().to_pybytes().hex(),
        decides=True,
        written=("reason",),
    )


def _global(config: RunConfig, index: int, phase: Phase) -> PlannedPhase:
    import pyarrow as pa

    stage, module = config.stages[index], config.modules[index]
    schema = pa.schema(list(phase.writes))
    return PlannedPhase(
        name=phase.name,
        stages=(stage.name,),
        over=phase.over,
        runner="dspipe.pipeline.tasks.task:run_stage_method",
        payload={
            "stage": module,
            "config": settings_of(stage),
            "method": phase.method,
            "settings": dict(phase.settings),
        },
        depends={
            "method": phase.method,
            "settings": dict(phase.settings),
            "seed": config.seed,
            "partitions": phase.partitions,
            "schema": str(schema),
            "code": code_fingerprint(stage_module(module)),
        },
        columns=phase.columns,
        exchange=phase.exchange,
        also_receives=phase.also_receives,
        artifacts=phase.artifacts,
        all_shards_columns=phase.all_shards_columns,
        writes=schema.serialize().to_pybytes().hex() if phase.writes else "",
        decides="reason" in schema.names,
        written=tuple(schema.names),
        emits=phase.emits,
        partitions=phase.partitions,
        makes_artifacts=phase.makes_artifacts,
        on_demand=phase.on_demand,
    )


def _asked_for(groups: list[list[PlannedPhase]]) -> list[list[PlannedPhase]]:
    """Without the phases on demand whose results no other phase needs."""
    while True:
        needed = set().union(*(phase.needs() for group in groups for phase in group))
        asked = [[phase for phase in group if not phase.on_demand or phase.gives() & needed] for group in groups]
        if asked == groups:
            return groups
        groups = asked


def _ordered(groups: list[list[PlannedPhase]], config: RunConfig) -> list[PlannedPhase]:
    """Stages in the order given, except that a phase waits for what a later stage makes."""
    waiting = [list(group) for group in groups]
    ordered: list[PlannedPhase] = []
    there: set[str] = set()
    while any(waiting):
        ready = next((group for group in waiting if group and group[0].needs() <= there), None)
        if ready is None:
            raise InvalidConfig([_missing(group[0], there, waiting, config) for group in waiting if group])
        phase = ready.pop(0)
        ordered.append(phase)
        there |= phase.gives()
    return ordered


def _missing(phase: PlannedPhase, there: set[str], waiting: list[list[PlannedPhase]], config: RunConfig) -> Problem:
    makers = {name for group in waiting for other in group for name in other.gives()}
    lacking = sorted(phase.needs() - there - makers) or sorted(phase.needs() - there)
    index = next((i for i, stage in enumerate(config.stages) if stage.name == phase.stages[0]), 0)
    where: Locator = config.where
    message = f"needs {', '.join(lacking)}, which no stage of this config makes"
    if "tokens" in lacking or "artifact tokenizer" in lacking:
        message += "; add a stage `tokenizer`"
    return where.problem(("stages", index, config.modules[index]), message, config.raw)
