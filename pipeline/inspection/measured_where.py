"""Of which documents a stage's columns are known: not of all that other stages have dropped.

The text pass measures all documents, but a stage that drops `early` takes them out before the stages behind it measure,
and a later text pass reads only those that are kept when it comes.
"""

from collections.abc import Iterable, Sequence

from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.edited_stages import ConfiguredStage
from dspipe.pipeline.plan.compile_stages import DOCUMENTS


class MeasuredWhere:
    """The columns of a run's stages, `stages` in the order of its config."""

    def __init__(self, table: DocumentTable, stages: Sequence[ConfiguredStage]) -> None:
        phases = table.run.phases
        numbers = {phase.name: number for number, phase in enumerate(phases)}
        columns = table.shards[0].columns if table.shards else {}
        self._phase_of = {name: column.file.partition("/")[0] for name, column in columns.items()}
        self._number_of = {name: numbers.get(phase, 0) for name, phase in self._phase_of.items()}
        decided = {entry.stage: number for number, phase in enumerate(phases) for entry in phase.funnel}
        self._decided = [decided.get(stage.name, -1) for stage in stages]
        self._early = [bool(getattr(stage.before and stage.before.config, "early", False)) for stage in stages]
        self._maker = {
            column.name: place
            for place, stage in enumerate(stages)
            if stage.before is not None
            for column in stage.before.measured_columns()
        }

    def lacking_behind(self, columns: Iterable[str], place: int) -> bool:
        """Whether documents that the stage at this place of the config has dropped lack one of the columns."""
        return any(
            (_is_text_pass(self._phase_of.get(name, "")) and self._decided[place] < self._number_of[name])
            or (self._early[place] and self._maker.get(name, -1) > place)
            for name in columns
        )

    def decided(self, columns: Iterable[str]) -> list[str]:
        """Those of the columns that aren't measured from a text but found by looking at other documents."""
        return [name for name in columns if name in self._phase_of and not _is_text_pass(self._phase_of[name])]


def _is_text_pass(phase: str) -> bool:
    return phase == DOCUMENTS or phase.startswith(f"{DOCUMENTS}-")
