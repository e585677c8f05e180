"""`domains.json` beside `ratios.csv`: which domains the mixtures are of, and how much of each there is."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from dspipe.stages.remix.mixture_plan import MixturePlan
from dspipe.stages.remix.mixtures.buckets import hash_buckets
from dspipe.stages.remix.mixtures.simplex import Float64

NAME = "domains.json"


class DomainsFileError(ValueError):
    """A file that doesn't say what there is of domains; the message names it."""


@dataclass(frozen=True)
class MixedDomains:
    """What is mixed, in the order of the columns of `ratios.csv`."""

    tokens: Mapping[str, int]
    """of the documents that are kept, by domain, in `unit`"""
    unit: str = "tokens"
    identities: Mapping[str, str] | None = None
    """by domain (`stages.remix.mixtures.buckets`); None where that isn't known"""
    budget: float | None = None
    """of each mixture that is tried"""

    @property
    def names(self) -> tuple[str, ...]:
        """The domains."""
        return tuple(self.tokens)

    @property
    def natural(self) -> Float64:
        """Their natural parts: float64[domains]."""
        available = self.available
        natural: Float64 = available / available.sum()
        return natural

    @property
    def available(self) -> Float64:
        """What there is of each: float64[domains]."""
        return np.array([*self.tokens.values()], float)

    @property
    def buckets(self) -> str | None:
        """The hash of all identities."""
        return None if self.identities is None else hash_buckets(self.identities)

    def write(self, path: Path) -> None:
        """Write the file."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, path: Path) -> "MixedDomains":
        """From a `domains.json`, or a run's `mixture.json`. Raises DomainsFileError."""
        try:
            content = path.read_bytes()
            value = json.loads(content)
            if "phases" in value:
                plan = MixturePlan.from_json(content)
                return cls({domain.domain: domain.tokens for domain in plan.domains if domain.tokens}, plan.unit)
            return cls(**{**value, "tokens": {name: int(tokens) for name, tokens in dict(value["tokens"]).items()}})
        except OSError as error:
            raise DomainsFileError(f"{path} can't be read: {error.strerror}") from None
        except (ValueError, TypeError, KeyError):
            raise DomainsFileError(
                f"{path} says nothing of domains: give a run's mixture.json, or the {NAME} that `dspipe mixture "
                "sample` wrote"
            ) from None


def say_changed(then: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """What is another domain now than when mixtures were drawn; None: nothing."""
    changed = [name for name in then if name in now and then[name] != now[name]]
    gone, new = [name for name in then if name not in now], [name for name in now if name not in then]
    parts = [
        f"{', '.join(names[:8])}{f' and {len(names) - 8} more' if len(names) > 8 else ''} {what}"
        for names, what in (
            (changed, "hold other documents now: the model, settings or cuts that make them have changed"),
            (gone, "are gone"),
            (new, "are new"),
        )
        if names
    ]
    return "; ".join(parts) or None
