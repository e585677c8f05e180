"""What `ensemble` would decide if other documents came to it, or with other settings: all ranks again, from columns."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.stage import Settings
from dspipe.stages.ensemble.masses import Masses, Ranks
from dspipe.stages.ensemble.ranking import BINS, buckets_of, put_together
from dspipe.stages.shared.quantiles import Groups, groups_of, scores_of

Rows = npt.NDArray[np.int64]
Int64 = npt.NDArray[np.int64]


def rejudge(name: str, settings: Settings, documents: RunDocuments) -> Rejudged:
    """Exact where the mass of all documents is known. Settings: all of `EnsembleConfig`.

    Raises NeedsRunError for a column that the run hasn't.
    """
    codes = np.full(len(documents.enters), -1, np.int32)
    reasons = [f"{name}.low_bucket"]
    if settings["keep_from"] is None:
        return Rejudged(reasons, codes)
    combined, cuts = _combined(settings, documents)
    near = np.zeros(len(codes), bool)
    for rows, _, groups in _coming(settings, documents, ()):
        ranks = cuts.of(BINS.of(combined[rows]), groups)
        bucket = buckets_of(ranks, settings["buckets"])
        codes[rows] = np.where(bucket < settings["keep_from"], 0, -1)
        near[rows] = np.abs(bucket - settings["keep_from"] + 0.5) < 1
    guesses = int((documents.guessed_tokens & documents.enters).sum()) if settings["unit"] == "tokens" else 0
    if not guesses:
        return Rejudged(reasons, codes)
    those = f"{guesses:,} document{'s' * (guesses != 1)} that come{'s' * (guesses == 1)} in"
    remark = f"the tokens of {those} are an estimate, so the ranks are one too"
    return Rejudged(reasons, codes, near, [remark])


def _combined(settings: Settings, documents: RunDocuments) -> tuple[npt.NDArray[np.float32], Ranks]:
    """What each document's ranks make together (float32 [n], 0 for what doesn't come), and the ranks of that."""
    of, mass = settings["of"], _mass(settings["unit"], documents)
    counted = {column: Masses() for column in of}
    for rows, batch, groups in _coming(settings, documents, of):
        for column, masses in counted.items():
            masses.add(BINS.of(scores_of(batch.column(column))), groups, None if mass is None else mass[rows])
    ranks = {column: Ranks(masses) for column, masses in counted.items()}
    combined, together = np.zeros(len(documents.enters), np.float32), Masses()
    for rows, batch, groups in _coming(settings, documents, of):
        found = [ranks[column].of(BINS.of(scores_of(batch.column(column))), groups) for column in of]
        combined[rows] = put_together(np.stack(found), settings)
        together.add(BINS.of(combined[rows]), groups, None if mass is None else mass[rows])
    return combined, Ranks(together)


def _mass(unit: str, documents: RunDocuments) -> Int64 | None:
    return {"documents": None, "bytes": documents.text_bytes, "tokens": documents.tokens}[unit]


def _coming(
    settings: Settings, documents: RunDocuments, columns: tuple[str, ...] | list[str]
) -> Iterator[tuple[Rows, pa.RecordBatch, Groups]]:
    """(rows, columns, groups) of the documents that come, some ten thousand at a time."""
    within = settings["within"]
    read = list(dict.fromkeys([*columns, *within])) or ["text_bytes"]
    for first, batch in documents.read(read):
        come = documents.enters[first : first + batch.num_rows]
        batch = batch.filter(pa.array(come))
        yield first + np.flatnonzero(come), batch, groups_of(batch, *within)
