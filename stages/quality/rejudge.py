"""What `quality` would decide if other documents came to it: its quantiles taken anew, from the stored scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.stage import Settings
from dspipe.stages.quality.quantile_steps import BINS, Bools, add_scores, columns_read, find_low, lowest_kept
from dspipe.stages.shared.quantiles import Histograms


def rejudge(name: str, before: Settings, after: Settings, documents: RunDocuments) -> Rejudged:
    """Exact. Settings: those of `stages.quality.quantile_steps`, of the run and now."""
    thresholds = _thresholds(after, documents, documents.enters)
    codes = np.full(len(documents.enters), -1, np.int32)
    if after["at_least"] is not None or after["drop_lowest"] is not None:
        for first, batch in documents.read(columns_read(after)):
            low, below = find_low(batch, after, thresholds)
            codes[first : first + len(low)] = np.where(low, 0, np.where(below, 1, -1))
    tables = {}
    if thresholds:
        tables["thresholds"] = _compared(_thresholds(before, documents, documents.entered), thresholds)
    return Rejudged((f"{name}.low_score", f"{name}.low_quantile"), codes, tables=tables)


def _thresholds(settings: Settings, documents: RunDocuments, come: Bools) -> dict[str, int]:
    """Per group the lowest bin that is kept; none where there are no quantiles."""
    if settings["drop_lowest"] is None:
        return {}
    histograms = Histograms()
    for first, batch in documents.read(columns_read(settings)):
        add_scores(histograms, batch, come[first : first + batch.num_rows], settings)
    return lowest_kept(histograms.counts, settings["drop_lowest"])


def _compared(before: Mapping[str, int], after: Mapping[str, int]) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "group": group,
            "before": BINS.start(before[group]) if group in before else None,
            "after": BINS.start(after[group]) if group in after else None,
        }
        for group in sorted({*before, *after})
    ]
