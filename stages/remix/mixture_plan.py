"""The plan of a mixture, as it is kept in `mixture.json`, and the parts of it that the draw and its order depend on.

Counts of the plan change with every shard that is added; epochs and phases often don't, and what depends on these alone
is then not done again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class PlannedCurve:
    """How the epochs of a domain rise with the scores of its documents (`stages.remix.curve`)."""

    highest: float
    """epochs of the best"""
    power: float
    drop_below: float | None
    """the score below which nothing is drawn; null: documents without a score reach higher"""
    top: float | None
    """the score from which on documents are seen most often"""
    scored: int
    """documents that have a score"""


@dataclass(frozen=True)
class PlannedDomain:
    """What there is of a domain, what was asked of it, and what is drawn."""

    domain: str
    documents: int
    """kept ones"""
    tokens: int
    """of the kept documents, in the plan's unit"""
    weight_asked: float
    """its part of all tokens, 0..1"""
    weight_got: float
    epochs: float
    """tokens drawn by tokens there are"""
    tokens_drawn: int
    bound_by: str
    """what keeps it from being another number (`stages.remix.bound_by`)"""
    may_miss_by: int
    """tokens by which the draw may miss its target: those of the largest bin of positions (`stages.remix.epochs`), or
    with a curve six standard deviations of the draw"""
    epochs_by_phase: tuple[float, ...]
    """how many epochs are drawn by the end of each phase"""
    curve: PlannedCurve | None = None


@dataclass(frozen=True)
class PlannedPart:
    """A phase of the training run: its share of the tokens, and how many it is."""

    share: float
    tokens: int


@dataclass(frozen=True)
class PhaseOrder:
    """What the order of the drawn documents depends on. By default: one phase, whatever is drawn in it."""

    tokens: tuple[int, ...] = (1,)
    """of each phase"""
    epochs: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """by domain how many are drawn by the end of each phase, where there are several phases"""

    def to_json(self) -> bytes:
        """The content of `mixture_phases.json`."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "PhaseOrder":
        """The reverse of `to_json`."""
        value = json.loads(content)
        return cls(tuple(value["tokens"]), {name: tuple(ends) for name, ends in value["epochs"].items()})


@dataclass(frozen=True)
class MixturePlan:
    """How many tokens of each domain are drawn, in all and phase by phase."""

    by: str
    """the column that says a document's domain, or `host`; several with ` | ` between them"""
    seed: int
    unit: str
    """`tokens`, or `bytes` of text in a config without a tokenizer"""
    budget: float | None
    """what was asked in all; None: what there is"""
    tokens: int
    """what is drawn in all"""
    phases: tuple[PlannedPart, ...]
    domains: tuple[PlannedDomain, ...]
    """by name"""
    merged: Mapping[str, str] = field(default_factory=dict)
    """the new names of domains that were put together with others"""

    @property
    def order(self) -> PhaseOrder:
        """What the order of the drawn documents depends on."""
        if len(self.phases) == 1:
            return PhaseOrder()
        epochs = {domain.domain: domain.epochs_by_phase for domain in self.domains}
        return PhaseOrder(tuple(phase.tokens for phase in self.phases), epochs)

    @property
    def epochs(self) -> dict[str, float]:
        """How many epochs of each domain are drawn in all: what the draw depends on."""
        return {domain.domain: domain.epochs_by_phase[-1] for domain in self.domains}

    def to_json(self) -> bytes:
        """The content of `mixture.json`."""
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "MixturePlan":
        """The plan in a `mixture.json`. Raises ValueError or TypeError for the content of another file."""
        value: dict[str, Any] = json.loads(content)
        phases = tuple(PlannedPart(**part) for part in value.pop("phases"))
        domains = tuple(
            PlannedDomain(
                **{
                    **domain,
                    "epochs_by_phase": tuple(domain["epochs_by_phase"]),
                    "curve": domain["curve"] and PlannedCurve(**domain["curve"]),
                }
            )
            for domain in value.pop("domains")
        )
        return cls(**value, phases=phases, domains=domains)
