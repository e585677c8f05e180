"""A plan of a config in which everything was looked at that can be known before the work; all mistakes at once.

Beside what every part checks by itself: the beginning of each source's first file, and what the parts mean for each
other, such as a stage for a domain that no source has.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dspipe.pipeline.config.problems import InvalidConfigError, in_order
from dspipe.pipeline.config.run_config import Parts, check_parts
from dspipe.pipeline.config.suggestions import near
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.plan.plan import Listed, Plan, list_inputs, plan_phases
from dspipe.pipeline.stage import MapStage
from dspipe.pipeline.storage.filesystem import is_remote
from dspipe.pipeline.storage.patience import current_patience

_LEAST_MEMORY = 16 << 20


def make_checked_plan(parts: Parts, tolerate_unreachable: bool = False) -> Plan:
    """The plan. Raises InvalidConfigError with every mistake in the order of the lines.

    A storage that can't be asked now is a mistake too, unless it is to be tolerated (`dspipe plan` without a network).
    """
    check_parts(parts)
    patience = parts.top.engine.patience if parts.top else current_patience().seconds
    listed = list_inputs(parts.sources, tolerate_unreachable, patience)
    for path, message in listed.problems:
        parts.add_problem(path, message)
    seen = _check_first_files(parts, listed)
    _check_memory(parts)
    remarks = _check_domains(parts, seen)
    if parts.problems:
        raise InvalidConfigError(in_order(parts.problems))
    plan = plan_phases(parts.config(), listed)
    stages = [f"{stage.name}: {remark}" for _, _, stage in parts.stages for remark in stage.remarks()]
    return replace(plan, remarks=(*remarks, *stages, *_unsaid(plan), *_waiting(plan)))


def _unsaid(plan: Plan) -> Iterator[str]:
    """Stages that keep all documents without a column which no stage before them makes."""
    made: set[str] = set()
    for stage in plan.config.stages:
        for column in stage.judges_by:
            if column not in made:
                yield (
                    f"{stage.name}: no stage before it finds the {column} of documents; those whose source doesn't say "
                    f"it are kept unjudged; put a stage that makes {column} before it"
                )
        made |= {field.name for field in stage.measured_columns()}


def _waiting(plan: Plan) -> Iterator[str]:
    """Stages that judge by a column which a stage behind them makes: phases wait for columns, whatever the order."""
    place = {stage.name: index for index, stage in enumerate(plan.config.stages)}
    makers = {
        column: phase.stages[0]
        for phase in plan.phases
        if not (phase.measures or phase.judges) and phase.stages[0] in place
        for column in phase.written
    }
    for index, stage in enumerate(plan.config.stages):
        wanted = (*stage.judge_columns(), *stage.concerns) if isinstance(stage, MapStage) and stage.judges else ()
        for column in dict.fromkeys(wanted):
            maker = makers.get(column)
            if column != "reason" and maker is not None and place[maker] > index:
                yield (
                    f"{stage.name}: judges by {column}, which {maker} makes behind it: it waits for {maker}, and the "
                    f"filters beside it wait too; put it behind {maker}"
                )


def _check_first_files(parts: Parts, listed: Listed) -> frozenset[str]:
    """Let each source look at the beginning of its first file, where that is on this machine, else at its name. The
    domains that documents there say."""
    seen: frozenset[str] = frozenset()
    for index, source in parts.sources:
        files = listed.inputs[index].files if index in listed.inputs else []
        file = next((file for file in files if file.size != 0), None)
        if file is None:
            continue
        try:
            if is_remote(file.path):
                source.check_name(file.name)
                continue
            with Path(file.path).open("rb") as stream:
                seen |= source.check_first_file(file, stream)
        except ConfigError as error:
            parts.add_problem(("sources", index, *error.key), str(error))
        except OSError:
            continue  # a file that can't be opened is reading's to tell
    return seen


def _check_memory(parts: Parts) -> None:
    if parts.top is not None and parts.top.engine.memory < _LEAST_MEMORY:
        memory = parts.top.engine.memory
        meant = f"; did you mean {memory}MB or {memory}GiB?" if memory < 100_000 else ""
        parts.add_problem(("engine", "memory"), f"{memory:,} bytes are too few for a worker, 16 MiB the least{meant}")


def _check_domains(parts: Parts, seen: frozenset[str]) -> list[str]:
    """Whether there are sources of the domains that stages name. What can't be known is said in what is given back."""
    every = [source.domains() for _, source in parts.sources]
    items = parts.values.get("sources") if isinstance(parts.values, dict) else None
    complete = isinstance(items, list) and len(every) == len(items)
    known = frozenset().union(*(domains.named for domains in every)) | seen
    settled = complete and not any(domains.others for domains in every)
    certain = frozenset().union(*(domains.named for domains in every if domains.certain))
    remarks = []
    for index, module, stage in parts.stages:
        unknown: dict[str, tuple[str | int, ...]] = {}
        for key, name in stage.domains_named():
            if name not in known:
                unknown.setdefault(name, key)
        for name, key in unknown.items():
            close = near(name, known)
            if complete and (settled or close):
                meant = f"; did you mean {close}?" if close else f"; there are {', '.join(sorted(known))}"
                parts.add_problem(("stages", index, module, *key), f"no source has the domain {name}{meant}")
            elif complete:
                remarks.append(f"{stage.name}: no source is known to have the domain {name}; documents may say it")
        try:
            if complete and not unknown:
                stage.check_certain_domains(certain)
        except ConfigError as error:
            parts.add_problem(("stages", index, module, *error.key), str(error))
    return remarks
