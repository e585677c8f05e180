"""config -> plan: the phases that a config compiles to, in the order in which they can run."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from dspipe.pipeline.config.problems import InvalidConfigError, Locator, Problem
from dspipe.pipeline.config.run_config import RunConfig
from dspipe.pipeline.config.yaml_lines import KeyPath
from dspipe.pipeline.errors import ConfigError, UnreachableError
from dspipe.pipeline.plan.compile_stages import compile_stages
from dspipe.pipeline.plan.fingerprint import code_fingerprint
from dspipe.pipeline.plan.inputs import Inputs, input_files
from dspipe.pipeline.plan.left_out import LeftOut
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.source import InputFile, Source
from dspipe.pipeline.stage import Corpus
from dspipe.pipeline.storage.patience import current_patience, patient
from dspipe.pipeline.tasks.merge_exchange import group_size


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
    remarks: tuple[str, ...] = ()
    """what somebody should know before the run"""
    replace: bool = False
    """whether what earlier configs have made is removed at the end, packed shards too"""

    def source_names(self, phase: PlannedPhase) -> list[str]:
        """The name of the source that each task of a phase over shards is of."""
        names = [source.config.name for source in self.config.sources]
        return [names[shard.source] for shard in self.shards] if phase.over in ("inputs", "shards") else []

    def tasks(self, phase: PlannedPhase) -> int:
        """How many tasks a phase has."""
        if phase.over == "once":
            return 1
        if phase.over in ("shards", "inputs"):
            return len(self.shards)
        sender = next(other for other in self.phases if other.emits == phase.exchange)
        if phase.over == "sender_groups":
            return -(-self.tasks(sender) // phase.group)
        return sender.partitions or len(self.shards)


def make_plan(config: RunConfig, tolerate_unreachable: bool = False) -> Plan:
    """List the inputs and lay out the phases. Raises InvalidConfigError.

    A storage that can't be asked now is a mistake too, unless it is to be tolerated (`dspipe plan` without a network).
    """
    listed = list_inputs(enumerate(config.sources), tolerate_unreachable, config.engine.patience)
    if listed.problems:
        raise InvalidConfigError([config.where.problem(path, text, config.raw) for path, text in listed.problems])
    return plan_phases(config, listed)


@dataclass
class Listed:
    """The inputs of some sources, by their places in the config."""

    inputs: dict[int, Inputs] = field(default_factory=dict)
    unreachable: list[str] = field(default_factory=list)
    problems: list[tuple[KeyPath, str]] = field(default_factory=list)


def list_inputs(sources: Iterable[tuple[int, Source[Any]]], tolerate_unreachable: bool, patience: float) -> Listed:
    """List the files of sources, each with its place in the config. `patience`: seconds that a storage is waited for,
    unless it is tolerated that it can't be asked."""
    listed = Listed()
    for index, source in sources:
        try:
            with patient(current_patience().seconds if tolerate_unreachable else patience):
                listed.inputs[index] = input_files(source)
        except ConfigError as error:
            listed.problems.append((("sources", index, *error.key), str(error)))
        except UnreachableError as error:
            listed.unreachable.append(f"{source.config.name}: {error}")
            if not tolerate_unreachable:
                listed.problems.append((("sources", index, "path"), f"cannot be listed: {error}"))
    return listed


def plan_phases(config: RunConfig, listed: Listed) -> Plan:
    """Lay out the phases over inputs that are listed already. Raises InvalidConfigError."""
    shards: list[Shard] = []
    left_out: dict[str, LeftOut] = {}
    for index in (index for index in _oldest_first(config) if index in listed.inputs):
        source, inputs = config.sources[index], listed.inputs[index]
        shards += [Shard(index, files) for files in source.group(inputs.files)]
        left_out |= {source.config.name: inputs.left_out} if inputs.left_out.counts else {}
    unreachable = listed.unreachable
    corpus = Corpus(
        shards=len(shards),
        input_bytes=round(sum(estimated_bytes(config, shard) for shard in shards)),
        documents=round(sum(_estimated_documents(config, shard) for shard in shards)),
        memory=config.engine.memory,
        stages=tuple(stage.name for stage in config.stages),
        rewriting=tuple((stage.name, stage.measure_settings()) for stage in config.stages if stage.rewrites),
    )
    phases = _ordered(_asked_for(compile_stages(config, corpus)), config)
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
                over="sender_groups",
                title=f"Make one file of the records that {group:,} tasks sent",
                stages=phase.stages,
                runner="dspipe.pipeline.tasks.merge_exchange:run",
                payload={"exchange": phase.emits},
                depends={"code": code_fingerprint("dspipe.pipeline.tasks.merge_exchange")},
                exchange=phase.emits,
                emits=phase.emits,
                partitions=phase.partitions,
                group=group,
            )
            phases.append(merge)
    return replace(plan, phases=tuple(phases))


def estimated_bytes(config: RunConfig, shard: Shard) -> int:
    """The stored bytes of a shard, a file whose size isn't known counted as its format's typical one."""
    typical = type(config.sources[shard.source]).typical_file_bytes
    return sum(typical if file.size is None else file.size for file in shard.files)


def _estimated_documents(config: RunConfig, shard: Shard) -> float:
    return estimated_bytes(config, shard) / type(config.sources[shard.source]).typical_document_bytes


def _oldest_first(config: RunConfig) -> list[int]:
    """Sources by dump, those without one last, else as in the config: the smallest document number is the oldest."""
    order = range(len(config.sources))
    return sorted(
        order, key=lambda index: (config.sources[index].config.dump is None, config.sources[index].config.dump or "")
    )


def _reader_depends(config: RunConfig, index: int) -> dict[str, Any]:
    source = config.sources[index]
    return {"settings": source.read_settings(), "code": code_fingerprint(type(source).__module__)}


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
    available: set[str] = set()
    while any(waiting):
        ready = next((group for group in waiting if group and group[0].needs() <= available), None)
        if ready is None:
            raise InvalidConfigError([_missing(group[0], available, waiting, config) for group in waiting if group])
        phase = ready.pop(0)
        ordered.append(phase)
        available |= phase.gives()
    return ordered


def _missing(phase: PlannedPhase, available: set[str], waiting: list[list[PlannedPhase]], config: RunConfig) -> Problem:
    makers = {name for group in waiting for other in group for name in other.gives()}
    lacking = sorted(phase.needs() - available - makers) or sorted(phase.needs() - available)
    index = next((i for i, stage in enumerate(config.stages) if stage.name == phase.stages[0]), 0)
    where: Locator = config.where
    message = f"needs {', '.join(lacking)}, which no stage of this config makes"
    if "tokens" in lacking or "artifact tokenizer" in lacking:
        message += "; add a stage `tokenizer`"
    return where.problem(("stages", index, config.modules[index]), message, config.raw)
