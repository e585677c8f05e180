"""The thresholds of a run that can be moved: which setting each is, and how the documents lie along its column."""

import json
import math
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from dspipe.pipeline.errors import DocumentNotFoundError
from dspipe.pipeline.inspection.document_table import REASON
from dspipe.pipeline.inspection.histograms import Histogram, Histograms
from dspipe.pipeline.inspection.one_pass import pass_over
from dspipe.pipeline.inspection.what_if import WhatIf
from dspipe.pipeline.threshold import Threshold
from dspipe.serve.document_story import stages_of
from dspipe.serve.opened import OpenedRun
from dspipe.serve.site import BadRequestError

_COLUMNS_BYTES = 512 << 20
"""of columns that stay in memory from one question to the next"""
_GROUPS = 40
"""flows, and groups by domain and language, that are shown"""
SAMPLES = 6
"""documents that come in, and that drop out"""


@dataclass(frozen=True)
class Movable:
    """A threshold that can be moved."""

    setting: str
    """as `--set` calls it: `stages.heuristics.gopher.min_words`"""
    stage: str
    threshold: Threshold
    dropped: int
    """documents that were dropped for it"""

    @property
    def value(self) -> float | None:
        """What it is now; None: the rule is off."""
        if self.threshold.value is not None or len(self.threshold.values) != 1:
            return self.threshold.value
        return next(iter(self.threshold.values.values()))


def movable_thresholds(run: OpenedRun) -> list[Movable]:
    """Those of the stages that come with dspipe whose number stands in the settings and whose column is stored."""
    dropped: dict[str, int] = {}
    for entry in run.file.funnel():
        for reason, counts in entry.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + counts.documents
    return [
        Movable(
            ".".join(("stages", stage.name, *threshold.key)), stage.name, threshold, dropped.get(threshold.reason, 0)
        )
        for stage in stages_of(run)
        for threshold in stage.thresholds()
        if threshold.column in run.table.columns and not threshold.found
    ]


def find_movable(run: OpenedRun, setting: str) -> Movable:
    """The threshold of this setting. Raises DocumentNotFoundError: only settings that are thresholds can be moved."""
    found = next((one for one in movable_thresholds(run) if one.setting == setting), None)
    if found is None:
        raise DocumentNotFoundError(f"{setting} is no threshold of {run.file.name} that can be moved")
    return found


def column_histogram(run: OpenedRun, column: str) -> dict[str, Any]:
    """How all documents lie along a column. Raises DocumentNotFoundError where none has a value, DamagedFileError."""
    collected = Histograms([column], with_verdicts=REASON in run.table.columns)
    pass_over(run.table, [collected])
    found: list[Histogram] = collected.found()
    if not found:
        raise DocumentNotFoundError(f"no document of {run.file.name} has a value of {column}")
    whole = bool(pa.types.is_integer(run.table.columns[column]))
    return {**found[0].as_json(), "whole_numbers": whole}


def load_what_if(run: OpenedRun) -> WhatIf:
    """What answers questions about the run; the first one loads its columns. Raises InvalidConfigError."""
    return WhatIf(run.table, import_own=False, memory=_COLUMNS_BYTES)


def ask_moved(what_if: WhatIf, moved: Movable, value: float) -> dict[str, Any]:
    """What would change if the threshold were this number. Raises InvalidConfigError, NeedsRunError."""
    number = int(value) if value.is_integer() else value
    answer = what_if.ask([f"{moved.setting}={json.dumps(number)}"], SAMPLES).as_json()
    for name in ("flows", "groups"):
        answer[f"more_{name}"] = max(0, len(answer[name]) - _GROUPS)
        answer[name] = answer[name][:_GROUPS]
    return answer


def number_said(text: str) -> float:
    """A number that somebody gives for a threshold. Raises BadRequestError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e15:
        raise BadRequestError(f"value is {text[:40]!r}; it must be a number")
    return value
