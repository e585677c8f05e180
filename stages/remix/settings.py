"""Settings of `remix`."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, model_validator

from dspipe.pipeline.quantities import parse_count
from dspipe.pipeline.stage import StageConfig

PLACE = "remix.place"
"""The column with a document's place on its domain's axis, where that comes of its importance."""

DOMAIN = "remix.domain"
"""The column with the domain that a document was drawn as."""

EXPECTED = "remix.expected_copies"
"""The column with how often a document is likely to be drawn (stages.remix.estimate)."""

Number = Annotated[float, BeforeValidator(parse_count), Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, BeforeValidator(parse_count), Field(ge=0, allow_inf_nan=False)]


class Mixture(StageConfig):
    """One way to weigh domains. With none of the four, domains keep their natural parts."""

    weights: dict[str, Weight] | None = None
    """Parts of the tokens by domain; they sum to 1. A wish to be met or refused."""
    multipliers: dict[str, Weight] | None = None
    """How often each domain is seen compared with the others, 1 where not named. A wish to be met or refused."""
    temperature: PositiveFloat | None = None
    """Parts in proportion to tokens ** (1 / temperature); above 1 small domains get more. Bends to max_epochs."""
    unimax: bool = False
    """Equal parts as far as max_epochs allows (Chung et al. 2023)."""

    @model_validator(mode="after")
    def _one_way(self) -> "Mixture":
        given = [name for name in ("weights", "multipliers", "temperature") if getattr(self, name) is not None]
        given += ["unimax"] if self.unimax else []
        if len(given) > 1:
            raise ValueError(f"give one of {', '.join(given)}")
        return self


class Part(Mixture):
    """A part of the training run, by its share of the tokens."""

    share: Annotated[float, Field(gt=0, le=1)]
    """The part of the run's tokens that this mixture takes."""


class Importance(StageConfig):
    """Within each domain, documents that look like examples of a target are drawn first (DSIR; Xie et al. 2023)."""

    target: str | list[str]
    """Files with examples: .jsonl or .parquet with a field `text`, or plain text; patterns are allowed."""
    buckets: Annotated[int, Field(ge=16, le=1 << 24)] = 10_000
    """Buckets that n-grams are hashed into; the paper's number."""

    @property
    def patterns(self) -> list[str]:
        """The patterns of the examples' files."""
        return [self.target] if isinstance(self.target, str) else self.target


class Config(Mixture):
    """Settings of `remix`."""

    by: str = "domain"
    """The column that says a document's domain (`domain`, `source`, `language`, a classifier's label, ...), or `host`
    for the host of its `url`."""
    groups: dict[str, list[str]] | None = None
    """Domains as lists of the column's values (lists of hosts, say); any other value is `other`."""
    max_epochs: Annotated[float, BeforeValidator(parse_count), Field(gt=0)] | dict[str, Number] = 4.0
    """How often a domain may be seen, for all or by domain. Up to four epochs are almost as good as fresh data
    (Muennighoff et al. 2023, "Scaling data-constrained language models")."""
    tokens: Number | None = None
    """The budget. Default: all that is there, or less where max_epochs says so."""
    min_tokens: dict[str, Number] = Field(default_factory=dict)
    """Tokens that rare domains get at least, over the whole run."""
    others: Literal["refuse", "drop"] = "refuse"
    """What to do with domains that `weights` doesn't name."""
    importance: Importance | None = None
    """Which documents are drawn where not all are. Default: any, by a hash of their ids."""
    phases: list[Part] | None = None
    """Mixtures one after the other along the run, instead of one; their shares sum to 1."""

    @property
    def key(self) -> str:
        """The column that is read for the domains."""
        return "url" if self.by == "host" else self.by

    @model_validator(mode="after")
    def _phases(self) -> "Config":
        if self.phases is None:
            return self
        if self.importance is not None:
            raise ValueError("importance goes with one mixture, not with phases")
        if any((self.weights, self.multipliers, self.temperature, self.unimax)):
            raise ValueError("with phases, the mixture is given in each of them")
        total = sum(part.share for part in self.phases)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the phases' shares must sum to 1, they sum to {total:g}")
        return self
