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
from dspipe.stages.remix.epochs import Domain, count_copies
from dspipe.stages.remix.mixture import plan_mixture
from dspipe.stages.remix.mixture_plan import MixturePlan
from dspipe.stages.remix.settings import Grouping, MixtureRequest

Bools = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]
_GUESSED = 0.5
"""how far a document's tokens may be from an estimate by its bytes, domain and language"""
_LEARNED = 1e-3
"""how far a domain's tokens may be others by a tokenizer trained on other documents: by 3e-4 at most where 42,000 of
153,000 short documents left"""
_ANY_NUMBER = 1e6
"""of epochs: more than anybody draws"""
_PLANS = 2000
"""domains times plans that are worked out for the spread: of more domains several are changed at once"""


def rejudge(
    name: str,
    seed: int,
    before: tuple[Grouping, MixtureRequest],
    after: tuple[Grouping, MixtureRequest],
    documents: RunDocuments,
) -> Rejudged:
    """Exact where all tokens are known, and all that come. Where not, documents whose draw lies within what the
    mixture may differ by are guesses. Raises NeedsRunError where the mixture can't be drawn."""
    (old_grouping, old_request), (grouping, request) = before, after
    try:
        old = _plan(old_grouping, old_request, seed, documents, documents.entered)
        new = _plan(grouping, request, seed, documents, documents.enters)
        spread = _spread(grouping, request, seed, documents, new)
    except (ConfigError, TooManyDomainsError) as error:
        raise NeedsRunError(f"{name} would refuse: {error}") from None
    codes, unsure = np.full(len(documents.enters), -1, np.int32), np.zeros(len(documents.enters), bool)
    for first, batch in _batches(grouping, seed, documents, documents.enters, _sizes(grouping, documents), new.merged):
        wanted = np.array([new.epochs.get(domain, 0.0) for domain in batch.names], float)
        copies = count_copies(batch.positions, wanted[batch.codes])
        rows = slice(first, first + len(copies))
        codes[rows] = np.where(copies == 0, 0, -1)
        if spread:
            by = np.array([spread.get(domain, 0.0) for domain in batch.names], float)
            least, most = (np.maximum(wanted + sign * by, 0.0)[batch.codes] for sign in (-1, 1))
            unsure[rows] = (count_copies(batch.positions, least) == 0) & (count_copies(batch.positions, most) > 0)
    remarks = []
    guesses = int((documents.guessed_tokens & documents.enters).sum()) if grouping.unit == "tokens" else 0
    if guesses:
        those = f"{guesses:,} document{'s' * (guesses != 1)} that come{'s' * (guesses == 1)} in"
        remarks.append(f"the tokens of {those} are an estimate, so the mixture is one too")
    if _is_learned(grouping, documents):
        remarks.append("the tokenizer would be trained on other documents, and count slightly other tokens")
    open_ = unsure if unsure.any() else None
    return Rejudged((f"{name}.not_drawn",), codes, open_, remarks, {"mixture": _compared(old, new)})


def _spread(
    grouping: Grouping, request: MixtureRequest, seed: int, documents: RunDocuments, likeliest: MixturePlan
) -> Mapping[str, float]:
    """By how many epochs each domain's may be others, to first order: what the tokens of each domain change that may
    be fewer or more, added up. Empty: the mixture is exact."""
    come, unsure = documents.enters, documents.unsure
    by_tokens = grouping.unit == "tokens"
    guessed = documents.guessed_tokens & come if by_tokens else np.zeros(len(come), bool)
    learned = _LEARNED if _is_learned(grouping, documents) else 0.0
    if not (unsure.any() or guessed.any() or learned):
        return {}
    sizes = _sizes(grouping, documents)
    domains, least, most = (
        _counted(
            grouping, seed, documents, some, (sizes * (1 + sign * (learned + _GUESSED * guessed))).astype(np.int64)
        )
        for some, sign in ((come, 0), (come & ~unsure, -1), (come | unsure, 1))
    )
    names = sorted({*domains, *most})
    at_once = -(-(len(names) ** 2) // _PLANS)
    spread = dict.fromkeys(names, 0.0)
    for changed in (names[start : start + at_once] for start in range(0, len(names), at_once)):
        off = dict.fromkeys(names, 0.0)
        for other in (least, most):
            there = {**domains, **{name: other[name] for name in changed if name in other}}
            try:
                plan = plan_mixture([there[name] for name in sorted(there)], request, seed, likeliest.unit)
            except ConfigError:  # it is at the edge of what can be drawn at all
                return dict.fromkeys(names, _ANY_NUMBER)
            off = {
                name: max(by, abs(plan.epochs.get(name, 0) - likeliest.epochs.get(name, 0))) for name, by in off.items()
            }
        spread = {name: by + off[name] for name, by in spread.items()}
    return spread


def _counted(grouping: Grouping, seed: int, documents: RunDocuments, come: Bools, sizes: Int64) -> dict[str, Domain]:
    counts = DomainCounts(epochs.BINS)
    for _, batch in _batches(grouping, seed, documents, come, sizes):
        kept = batch.kept
        counts.add(batch.names, batch.codes[kept], batch.positions[kept], batch.tokens[kept])
    return {domain.name: domain for domain in counts.domains()}


def _plan(grouping: Grouping, request: MixtureRequest, seed: int, documents: RunDocuments, come: Bools) -> MixturePlan:
    domains = _counted(grouping, seed, documents, come, _sizes(grouping, documents))
    unit = "tokens" if grouping.unit == "tokens" else "bytes"
    return plan_mixture(list(domains.values()), request, seed, unit)


def _is_learned(grouping: Grouping, documents: RunDocuments) -> bool:
    """Whether the tokens would be those of another tokenizer."""
    others = not np.array_equal(documents.enters, documents.entered)
    return documents.learned_tokens and grouping.unit == "tokens" and others


def _sizes(grouping: Grouping, documents: RunDocuments) -> Int64:
    return documents.tokens if grouping.unit == "tokens" else documents.text_bytes


def _batches(
    grouping: Grouping,
    seed: int,
    documents: RunDocuments,
    come: Bools,
    sizes: Int64,
    merged: Mapping[str, str] = NOTHING,
) -> Iterator[tuple[int, DomainBatch]]:
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
