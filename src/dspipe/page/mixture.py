"""The mixture: what was asked of each domain, what is drawn, and what binds it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.stage import Stage
from dspipe.pipeline.storage.store import Store
from dspipe.stages.remix.mixture_plan import MixturePlan
from dspipe.stages.remix.stage import RemixStage


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
                   d.bound_by)
        for d in sorted(plan.domains, key=lambda d: -d.tokens_drawn)
    ]  # fmt: skip
    there = sum(domain.tokens for domain in plan.domains)
    return Mixture(plan.by, plan.unit, plan.budget, plan.tokens, there, rows, _whole_bound_by(plan, rows, remix))


def _whole_bound_by(plan: MixturePlan, rows: Sequence[MixtureRow], remix: RemixStage) -> str:
    if plan.budget is not None:
        return f"The budget of {plan.budget:,.0f} {plan.unit} that the config asks for."
    capped = [row.domain for row in rows if row.bound_by.startswith("cap")]
    parts = remix.config.parts
    if capped and any(part.strict for part in parts):
        return f"max_epochs of {', '.join(capped[:5])}: more of it may not be seen, and the weights are to be met."
    if len(parts) == 1 and parts[0].multipliers is not None:
        return "What there is, each domain as often as its multiplier says."
    return (
        f"What there is: no budget is set, so as many {plan.unit} are drawn as there are, as far as max_epochs allows."
    )
