"""stages -> text passes: which stages measure in one reading of the texts, and which stand behind a later one.

Stages in the first pass see texts as they are read. A global stage may read texts in its phases, or rewrite them, and a
stage behind it can't have measured, or rewritten, in the pass before. So a pass ends at a global stage that

- rewrites texts, for every stage behind it that measures, and
- reads texts (or how long they are), for every stage behind it that rewrites them,

and the next one stands right behind it, over the documents that are still kept there. Verdicts make a pass only for a
stage that says that measuring costs more than reading (`measures_kept_only`): it stands right behind the last one that
drops documents.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.config.run_config import RunConfig
from dspipe.pipeline.document import DOCUMENT
from dspipe.pipeline.stage import MapStage, Phase, Stage

TEXT = frozenset({"text", "text_bytes"})
FIRST = -1

PhasesOf = Mapping[int, Sequence[Phase]]
"""the phases of each global stage, by its place in the config"""


@dataclass
class TextPass:
    """The stages that measure in one reading of the texts."""

    behind: int
    """the place in the config of the stage that it stands right behind; FIRST: that which reads the sources"""
    stages: list[int] = field(default_factory=list)
    """their places in the config, in order"""
    late: dict[int, int] = field(default_factory=dict)
    """stages that can't judge `early` here, and the stage before each that reads the texts to be left out"""


def measuring(config: RunConfig) -> Iterator[tuple[int, Stage[Any]]]:
    """The stages that have a part in a text pass, with their places in the config."""
    for index, stage in enumerate(config.stages):
        if stage.measures:
            yield index, stage


def cut_into_passes(config: RunConfig, phases: PhasesOf) -> list[TextPass]:
    """The text passes in order, the first one first. Raises InvalidConfigError for orders that can't be."""
    _check_finality(config, phases)
    writing = [index for index, made in phases.items() if any(TEXT & _written(phase) for phase in made)]
    # what is made on demand is an estimate for a stage behind
    reading = [
        index for index, made in phases.items() if any(TEXT & _read(phase) for phase in made if not phase.on_demand)
    ]
    passes = [TextPass(FIRST)]
    for index, stage in measuring(config):
        rewritten, read = (
            [other for other in places if passes[-1].behind < other < index] for places in (writing, reading)
        )
        if rewritten or (read and stage.rewrites):
            passes.append(TextPass((rewritten or read)[-1]))
            read = [other for other in read if other > passes[-1].behind]
        elif stage.measures_kept_only and (dropping := _dropping(config, phases, passes[-1], index)):
            passes.append(TextPass(dropping[-1]))
            read = [other for other in read if other > passes[-1].behind]
        if stage.extracts and len(passes) > 1:
            before = config.modules[passes[1].behind]
            message = f"pages are read once, before {before} sees their texts: put it before `{before}`"
            raise invalid_stage(config, index, message)
        passes[-1].stages.append(index)
        if getattr(stage.config, "early", False) and read:
            passes[-1].late[index] = read[-1]
    _check_columns(config, phases, passes)
    return passes


def invalid_stage(config: RunConfig, index: int, message: str, key: tuple[str | int, ...] = ()) -> InvalidConfigError:
    """What is wrong with a stage, with its line in the config."""
    path = ("stages", index, config.modules[index], *key)
    return InvalidConfigError([config.where.problem(path, message, config.raw)])


def _dropping(config: RunConfig, phases: PhasesOf, last: TextPass, index: int) -> list[int]:
    """The stages before `index` whose verdicts come behind the last pass: not those that drop within it."""
    found = []
    for place in range(last.behind + 1, index):
        stage = config.stages[place]
        early = getattr(stage.config, "early", False) and place in last.stages and place not in last.late
        by_rows = isinstance(stage, MapStage) and stage.judges and not early
        if by_rows or any("reason" in _written(phase) for phase in phases.get(place, ())):
            found.append(place)
    return found


def _check_finality(config: RunConfig, phases: PhasesOf) -> None:
    for index, stage in enumerate(config.stages):
        written = {name for phase in phases.get(index, ()) for name in _written(phase)}
        written |= {column.name for column in stage.measured_columns()}
        if TEXT & written and not stage.rewrites:
            raise invalid_stage(config, index, "writes the column `text`, but doesn't say so with `rewrites = True`")
        for before, other in reversed([*enumerate(config.stages[:index])]):
            name = config.modules[before]
            if other.final_for == "documents":
                what = "documents as they are, and nothing behind it changes what it has written"
            elif other.final_for == "texts" and (stage.rewrites or stage.extracts):
                what = "texts as they are, so a stage behind it that rewrites them changes nothing in the training data"
            else:
                continue
            raise invalid_stage(config, index, f"{name} takes the {what}: put it before `{name}`")


def _check_columns(config: RunConfig, phases: PhasesOf, passes: Sequence[TextPass]) -> None:
    """Whether no stage reads a column that a pass behind it makes: phases wait for columns, order doesn't."""
    made: dict[str, tuple[int, int]] = {}
    for number, text_pass in enumerate(passes):
        for index in text_pass.stages:
            made |= {column.name: (number, index) for column in config.stages[index].measured_columns()}
    for index, stage in enumerate(config.stages):
        wanted = {name for phase in phases.get(index, ()) for name in _read(phase)}
        wanted |= {*stage.judge_columns(), *stage.concerns} if isinstance(stage, MapStage) and stage.judges else set()
        for name in sorted(wanted & made.keys() - set(DOCUMENT.names)):
            number, maker = made[name]
            behind = passes[number].behind
            if behind >= index:
                maker_name, other = config.modules[maker], config.modules[behind]
                message = f"reads the column {name}, which {maker_name} measures behind {other}, from other texts: "
                raise invalid_stage(config, index, f"{message}put {maker_name} before `{other}`")


def _read(phase: Phase) -> set[str]:
    return {*phase.columns, *phase.all_shards_columns}


def _written(phase: Phase) -> set[str]:
    return {column.name for column in phase.writes}
