"""The plan of a mixture, as it is kept in `mixture.json`."""

import json
from dataclasses import asdict, dataclass
from typing import Any


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
    largest_bin: int
    """tokens of the largest bin of positions (`stages.remix.epochs`): the draw may miss its target by so many"""
    epochs_by_phase: tuple[float, ...]
    """how many epochs are drawn by the end of each phase"""


@dataclass(frozen=True)
class PlannedPart:
    """A phase of the training run: its share of the tokens, and how many it is."""

    share: float
    tokens: int


@dataclass(frozen=True)
class MixturePlan:
    """How many tokens of each domain are drawn, in all and phase by phase."""

    by: str
    """the column that says a document's domain, or `host`"""
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

    def to_json(self) -> bytes:
        """The content of `mixture.json`."""
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "MixturePlan":
        """The plan in a `mixture.json`. Raises ValueError or TypeError for the content of another file."""
        value: dict[str, Any] = json.loads(content)
        phases = tuple(PlannedPart(**part) for part in value.pop("phases"))
        domains = tuple(
            PlannedDomain(**{**domain, "epochs_by_phase": tuple(domain["epochs_by_phase"])})
            for domain in value.pop("domains")
        )
        return cls(**value, phases=phases, domains=domains)
