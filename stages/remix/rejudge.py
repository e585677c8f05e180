"""What `remix` would draw if other documents came to it: the mixture planned again, from the columns that are there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.rejudging import NeedsRunError, Rejudged, RunDocuments
from dspipe.pipeline.stage import NOTHING
from dspipe.stages.remix import epochs
from dspipe.stages.remix.domain_batches import DomainBatch, domain_batch
from dspipe.stages.remix.domain_counts import DomainCounts, TooManyDomainsError
from dspipe.stages.remix.epochs import count_copies
from dspipe.stages.remix.mixture import plan_mixture
from dspipe.stages.remix.mixture_plan import MixturePlan
from dspipe.stages.remix.settings import Grouping, MixtureRequest

Bools = npt.NDArray[np.bool_]


def rejudge(
    name: str,
    seed: int,
    before: tuple[Grouping, MixtureRequest],
    after: tuple[Grouping, MixtureRequest],
    documents: RunDocuments,
) -> Rejudged:
    """Exact where all tokens are known. Raises NeedsRunError where the mixture can't be drawn."""
    (old_grouping, old_request), (grouping, request) = before, after
    try:
        old = _plan(old_grouping, old_request, seed, documents, documents.entered)
        new = _plan(grouping, request, seed, documents, documents.enters)
    except (ConfigError, TooManyDomainsError) as error:
        raise NeedsRunError(f"{name} would refuse: {error}") from None
    codes = np.full(len(documents.enters), -1, np.int32)
    for first, batch in _batches(grouping, seed, documents, documents.enters, new.merged):
        wanted = np.array([new.epochs.get(domain, 0.0) for domain in batch.names], float)
        copies = count_copies(batch.positions, wanted[batch.codes])
        codes[first : first + len(copies)] = np.where(copies == 0, 0, -1)
    remarks = []
    guesses = int((documents.guessed_tokens & documents.enters).sum()) if grouping.unit == "tokens" else 0
    if guesses:
        those = f"{guesses:,} document{'s' * (guesses != 1)} that come{'s' * (guesses == 1)} in"
        remarks.append(f"the tokens of {those} are an estimate, so the mixture is one too")
    return Rejudged((f"{name}.not_drawn",), codes, None, remarks, {"mixture": _compared(old, new)})


def _plan(grouping: Grouping, request: MixtureRequest, seed: int, documents: RunDocuments, come: Bools) -> MixturePlan:
    counts = DomainCounts(epochs.BINS)
    for _, batch in _batches(grouping, seed, documents, come):
        kept = batch.kept
        counts.add(batch.names, batch.codes[kept], batch.positions[kept], batch.tokens[kept])
    return plan_mixture(counts.domains(), request, seed, "tokens" if grouping.unit == "tokens" else "bytes")


def _batches(
    grouping: Grouping, seed: int, documents: RunDocuments, come: Bools, merged: Mapping[str, str] = NOTHING
) -> Iterator[tuple[int, DomainBatch]]:
    sizes = documents.tokens if grouping.unit == "tokens" else documents.text_bytes
    for first, batch in documents.read(list(dict.fromkeys(["origin", *grouping.keys]))):
        rows = slice(first, first + batch.num_rows)
        yield first, domain_batch(batch, grouping, seed, sizes[rows], come[rows], None, merged)


def _compared(before: MixturePlan, after: MixturePlan) -> Sequence[Mapping[str, Any]]:
    plans = [{domain.domain: domain for domain in plan.domains} for plan in (before, after)]
    rows = []
    for domain in sorted({*plans[0], *plans[1]}):
        there = [plan.get(domain) for plan in plans]
        row: dict[str, Any] = {"domain": domain}
        for name, field in (("share", "weight_got"), ("epochs", "epochs"), (f"{before.unit} drawn", "tokens_drawn")):
            for when, found in zip(("before", "after"), there, strict=True):
                row[f"{name} {when}"] = getattr(found, field) if found else 0
        rows.append(row)
    return rows
