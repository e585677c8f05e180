"""Settings of `remix`."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, field_validator, model_validator

from dspipe.pipeline.quantities import CountOf
from dspipe.pipeline.stage import StageConfig
from dspipe.stages.remix.presets import find_preset

POSITION = "remix.position"
"""The column with a document's position among its domain's (`stages.remix.epochs`), where it comes of importance."""

LOG_WEIGHT = "remix.log_weight"
"""The column with the logarithm of a document's importance weight."""

DOMAIN = "remix.domain"
"""The column with the domain that a document was drawn as."""

EXPECTED_COPIES = "remix.expected_copies"
"""The column with how often a document is likely to be drawn, before there are tokens to count."""

UNKNOWN = "unknown"
"""The domain of documents whose column is null."""

PAIR = " | "
"""What stands between the values of several columns in a domain's name."""

Number = Annotated[float, CountOf, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Mixture(StageConfig):
    """One way to weigh domains. With none of the four, domains keep their natural parts."""

    weights: Annotated[dict[str, Weight], BeforeValidator(find_preset)] | None = None
    """Parts of the tokens by domain; they sum to 1. To be met or refused. Or the name of published ones:
    `olmo3_topics`."""
    multipliers: dict[str, Weight] | None = None
    """How often each domain is seen compared with the others, 1 where not named. To be met or refused."""
    temperature: PositiveFloat | None = None
    """Parts in proportion to tokens ** (1 / temperature); above 1 small domains get more. Gives way to max_epochs."""
    unimax: bool = False
    """Equal parts as far as max_epochs allows (Chung et al. 2023)."""

    @property
    def strict(self) -> bool:
        """Whether the weights are to be met or refused; other ways to weigh give way to the caps."""
        return self.weights is not None or self.multipliers is not None

    @field_validator("weights")
    @classmethod
    def _sum_to_1(cls, weights: dict[str, float] | None) -> dict[str, float] | None:
        if weights is not None:
            _check_sum(weights)
        return weights

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


class Curve(StageConfig):
    """Within each domain, epochs rise with the place in its quality order, as in OLMo 3's upsampling
    (`stages.remix.curve`)."""

    of: str
    """The column of numbers that orders documents, such as a score of `quality` or a rank of `ensemble`. A document
    without one counts as the lowest."""
    drop_below: Annotated[float, Field(ge=0, lt=1)] = 0.4
    """Nothing is drawn of this share of a domain's tokens, the lowest."""
    top: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """This share of a domain's tokens, the best, is seen most often."""
    max_epochs: PositiveFloat = 7.0
    """How often a document may be seen. The domain's `max_epochs` holds too, for the mean over the domain."""
    steepness: Annotated[float, Field(ge=0, le=10)] = 2.0
    """The power with which epochs rise between `drop_below` and `top`, as long as `max_epochs` allows it; 0 is a cut
    at `drop_below`."""

    @model_validator(mode="after")
    def _room_between(self) -> "Curve":
        if self.drop_below + self.top >= 1:
            raise ValueError(f"drop_below and top leave nothing between them: {self.drop_below:g} + {self.top:g}")
        return self


class Tail(StageConfig):
    """Domains that are too small to stand alone."""

    min_tokens: Number
    """Domains with fewer tokens are put together."""
    into: str | dict[str, str] = "other"
    """What they are called then: one name, or names by domain, `"*"` for those not named (without it: `other`)."""

    def name_of(self, domain: str) -> str:
        """What a small domain is called."""
        return self.into if isinstance(self.into, str) else self.into.get(domain, self.into.get("*", "other"))

    @property
    def names(self) -> frozenset[str]:
        """What small domains may be called."""
        return frozenset([self.into] if isinstance(self.into, str) else [*self.into.values(), "other"])


class MixtureRequest(Mixture):
    """What is asked of the mixture: all that its plan depends on, beside what there is of each domain."""

    by: str | Annotated[tuple[str, ...], Field(min_length=1)] = "domain"
    """The column that says a document's domain (`domain`, `source`, `language`, a classifier's label, ...), or `host`
    for the host of its `url`; or several, whose values make domains like `science | 20`."""
    curve: Curve | None = None
    """Within each domain, better documents are seen more often. Default: all alike."""
    tail: Tail | None = None
    """Small domains are put together. Default: each stands alone."""
    max_epochs: PositiveFloat | dict[str, PositiveFloat] = 4.0
    """How often a domain may be seen, for all or by domain. Up to four epochs are almost as good as fresh data
    (Muennighoff et al. 2023, "Scaling data-constrained language models")."""
    tokens: Number | None = None
    """The budget. Default: all that is there, or less where max_epochs says so."""
    min_tokens: dict[str, Number] = Field(default_factory=dict)
    """Tokens that rare domains get at least, over the whole run."""
    others: Literal["refuse", "drop"] = "refuse"
    """What to do with domains that `weights` doesn't name."""
    phases: list[Part] | None = None
    """Mixtures one after the other along the run, instead of one; their shares sum to 1."""

    @model_validator(mode="after")
    def _minimum_within_budget(self) -> "MixtureRequest":
        least = math.fsum(self.min_tokens.values())
        if self.tokens is not None and least > self.tokens:
            raise ValueError(f"min_tokens asks {least:,.0f} tokens, more than the budget: tokens is {self.tokens:,.0f}")
        return self

    @property
    def by_name(self) -> str:
        """The column, or the columns, as a domain's name has their values."""
        return PAIR.join(by_columns(self.by))

    @property
    def parts(self) -> list[Part]:
        """The mixtures along the run, in order."""
        return self.phases or [Part(share=1, **self.model_dump(include=set(Mixture.model_fields)))]

    @model_validator(mode="after")
    def _phases(self) -> "MixtureRequest":
        if self.phases is None:
            return self
        if any((self.weights, self.multipliers, self.temperature, self.unimax)):
            raise ValueError("with phases, the mixture is given in each of them")
        total = sum(part.share for part in self.phases)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the phases' shares must sum to 1, they sum to {total:g}")
        return self


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


class RemixConfig(MixtureRequest):
    """Settings of `remix`."""

    groups: dict[str, list[str]] | None = None
    """Domains as lists of the column's values (lists of hosts, say); any other value is `other`."""
    importance: Importance | None = None
    """Which documents are drawn where not all are. Default: any, by a hash of their ids."""

    @model_validator(mode="after")
    def _one_order(self) -> "RemixConfig":
        orders = [name for name in ("importance", "curve") if getattr(self, name) is not None]
        if self.phases is not None and orders:
            raise ValueError(f"{orders[0]} goes with one mixture, not with phases")
        if len(orders) > 1:
            raise ValueError("give one of importance, curve")
        return self

    @model_validator(mode="after")
    def _names_have_all_parts(self) -> "RemixConfig":
        columns = by_columns(self.by)
        if len(set(columns)) < len(columns):
            raise ValueError("by: a column is named twice")
        if self.groups is not None or len(columns) == 1:
            return self
        small = self.tail.names if self.tail is not None else frozenset()
        by_domain = [self.min_tokens, *([self.max_epochs] if isinstance(self.max_epochs, dict) else [])]
        by_domain += [given for part in self.parts for given in (part.weights, part.multipliers) if given is not None]
        for name in (name for given in by_domain for name in given):
            if name.count(PAIR) < len(columns) - 1 and name not in small:
                example = PAIR.join(["science", "20", "en"][: len(columns)] + ["..."] * (len(columns) - 3))
                raise ValueError(f"{name!r} is no domain by {', '.join(columns)}: they have names like {example!r}")
        return self


class Grouping(StageConfig):
    """How tasks over shards see documents: of which domain, how large, at which position."""

    by: str | tuple[str, ...]
    groups: dict[str, list[str]] | None
    unit: Literal["tokens", "text_bytes"]
    """The column that says how large a document is; `text_bytes` in a config without a tokenizer."""
    by_importance: bool
    """Whether positions are those of the column `remix.position`."""
    score: str | None = None
    """The column that orders the documents of a domain, where there is a curve."""

    @property
    def by_name(self) -> str:
        """The column, or the columns, as a domain's name has their values."""
        return PAIR.join(by_columns(self.by))

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that are read for the domains."""
        return tuple("url" if name == "host" else name for name in by_columns(self.by))

    @property
    def columns(self) -> tuple[str, ...]:
        """The row columns that are read."""
        position = (POSITION,) if self.by_importance else ()
        score = (self.score,) if self.score is not None else ()
        return tuple(dict.fromkeys(("origin", *self.keys, self.unit, "reason", *position, *score)))


def by_columns(by: str | tuple[str, ...]) -> tuple[str, ...]:
    """The columns of a setting `by`."""
    return (by,) if isinstance(by, str) else by


def _check_sum(weights: Mapping[str, float]) -> None:
    total = math.fsum(weights.values())
    if abs(total - 1) > 1e-6:
        terms = " + ".join(f"{value:g}" for value in weights.values())
        scaled = ", ".join(f"{name}: {value / total:.4g}" for name, value in weights.items()) if total else ""
        raise ValueError(
            f"the weights are to sum to 1, and {terms or 'none'} = {total:g}"
            + (f"; in proportion {{{scaled}}}" if scaled else "")
        )
