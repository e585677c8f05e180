"""The thresholds of a run: what its stages' settings hold columns against, found by the path of a setting."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dspipe.pipeline.config.suggestions import near
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.stage import Stage
from dspipe.pipeline.threshold import Threshold


class NoThresholdError(Exception):
    """No threshold of the run is meant: a sentence that says which there are."""


@dataclass(frozen=True)
class RunThreshold:
    """A threshold of one of a run's stages."""

    stage: Stage[Any]
    threshold: Threshold

    @property
    def path(self) -> str:
        """Of the setting, as `--set` takes it without `stages.`: `heuristics.gopher.min_words`."""
        return ".".join((self.stage.name, *self.threshold.key))


def run_thresholds(run: RunFile, stages: Sequence[Stage[Any]]) -> list[RunThreshold]:
    """All thresholds of a run's stages (`run_file.configured_stages`), with the numbers that the run has found."""
    found = []
    for stage in stages:
        notes = {
            name: value for phase in run.phases if stage.name in phase.stages for name, value in phase.notes.items()
        }
        found += [RunThreshold(stage, threshold) for threshold in stage.thresholds(notes)]
    return found


def thresholds_at(path: str, known: Sequence[RunThreshold]) -> list[RunThreshold]:
    """The thresholds that a setting stands for, at least one and all on one column: those at its path, or below it
    where it has a number for each of several groups (`language.keep`). Raises NoThresholdError."""
    wanted = path.removeprefix("stages.")
    found = [one for one in known if one.path == wanted or one.path.startswith(f"{wanted}.")]
    on = [one for one in found if one.threshold.on]
    if not found:
        close = near(wanted, [one.path for one in known])
        there = ", ".join(one.path for one in known if one.threshold.on) or "none"
        raise NoThresholdError(
            f"{path} is no threshold of this run; {f'did you mean {close}?' if close else f'there are: {there}'}"
        )
    if not on:
        raise NoThresholdError(f"{path} is off in this run: no document was held against it")
    if len({one.threshold.column for one in on}) > 1:
        raise NoThresholdError(f"{path} are several thresholds: {', '.join(one.path for one in on)}; name one of them")
    return on
