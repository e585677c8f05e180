"""The mixture: what was asked of each domain, what is drawn, and what binds it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.stage import Stage
from dspipe.pipeline.storage.store import Store
from dspipe.stages.remix.mixture_plan import MixturePlan, PlannedDomain
from dspipe.stages.remix.stage import RemixStage

_NEARLY = 1e-4


@dataclass(frozen=True)
class MixtureRow:
    """One domain."""

    domain: str
    documents: int
    tokens: int
    asked: float
    got: float
    epochs: float
    drawn: int
    bound_by: str
    """in a few words"""


@dataclass(frozen=True)
class Mixture:
    """The whole."""

    by: str
    unit: str
    budget: float | None
    drawn: int
    there: int
    rows: list[MixtureRow]
    bound_by: str
    """what keeps it from being larger, in a sentence"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def mixture_of(store: Store, run: RunFile, stages: Sequence[Stage[Any]]) -> Mixture | None:
    """The mixture of a run; None where there is none (yet). Raises FileNotFoundError, ValueError, TypeError."""
    files = run.artifacts.get("mixture", [])
    remix = next((stage for stage in stages if isinstance(stage, RemixStage)), None)
    if not files or remix is None:
        return None
    plan = MixturePlan.from_json(store.read_bytes(files[0]))
    rows = [
        MixtureRow(d.domain, d.documents, d.tokens, d.weight_asked, d.weight_got, d.epochs, d.tokens_drawn,
                   _bound_by(d, remix))
        for d in sorted(plan.domains, key=lambda d: -d.tokens_drawn)
    ]  # fmt: skip
    there = sum(domain.tokens for domain in plan.domains)
    return Mixture(plan.by, plan.unit, plan.budget, plan.tokens, there, rows, _whole_bound_by(plan, rows, remix))


def _most_epochs(domain: str, remix: RemixStage) -> float:
    most = remix.config.max_epochs
    return most.get(domain, float("inf")) if isinstance(most, dict) else most


def _bound_by(domain: PlannedDomain, remix: RemixStage) -> str:
    least = remix.config.min_tokens.get(domain.domain)
    if domain.tokens == 0:
        return "there is nothing of it"
    if domain.epochs >= _most_epochs(domain.domain, remix) * (1 - _NEARLY):
        return f"max_epochs: {_most_epochs(domain.domain, remix):g}"
    if least and domain.weight_got > domain.weight_asked and domain.tokens_drawn <= least * (1 + _NEARLY):
        return f"min_tokens: {least:,}"
    if domain.weight_got > domain.weight_asked * (1 + _NEARLY):
        return "more, since others are bound"
    if domain.weight_got < domain.weight_asked * (1 - _NEARLY):
        return "less, since others have their minimum"
    return "as asked"


def _whole_bound_by(plan: MixturePlan, rows: Sequence[MixtureRow], remix: RemixStage) -> str:
    if plan.budget is not None:
        return f"The budget of {plan.budget:,.0f} {plan.unit} that the config asks for."
    capped = [row.domain for row in rows if row.bound_by.startswith("max_epochs")]
    parts = remix.config.parts
    if capped and any(part.strict for part in parts):
        return f"max_epochs of {', '.join(capped[:5])}: more of it may not be seen, and the weights are to be met."
    if len(parts) == 1 and parts[0].multipliers is not None:
        return "What there is, each domain as often as its multiplier says."
    return (
        f"What there is: no budget is set, so as many {plan.unit} are drawn as there are, as far as max_epochs allows."
    )
