"""What binds each domain of a mixture, in a few words: its weight, a cap, a minimum, or what there is."""

from dataclasses import dataclass

from dspipe.stages.remix.curve import most_epochs
from dspipe.stages.remix.epochs import Domain
from dspipe.stages.remix.settings import MixtureRequest

_NEARLY = 1e-6


@dataclass(frozen=True)
class Outcome:
    """What was asked of a domain, and what came of it."""

    asked: float
    """its part of all tokens, 0 to 1"""
    got: float
    drawn: float
    """tokens"""
    least: float
    """tokens that it is to have at least; 0: none"""
    max_epochs: float
    """of the settings, for the mean over the domain"""


def say_what_binds(domain: Domain, outcome: Outcome, request: MixtureRequest, unit: str) -> str:
    """`as asked`, or what keeps the domain from it."""
    if domain.tokens == 0:
        return "supply: there is nothing of it"
    drawn = outcome.drawn
    curve = request.curve
    if curve is not None and most_epochs(curve) < outcome.max_epochs:
        if drawn >= domain.tokens * most_epochs(curve) * (1 - _NEARLY):
            share = f"{1 - curve.drop_below:.6g}"
            return f"cap: curve.max_epochs {curve.max_epochs:g} of the {share} above drop_below"
    elif drawn >= domain.tokens * outcome.max_epochs * (1 - _NEARLY):
        return f"cap: max_epochs {outcome.max_epochs:g}"
    if outcome.least and outcome.got > outcome.asked and drawn <= outcome.least * (1 + _NEARLY):
        return f"floor: min_tokens {outcome.least:,.0f} {unit}"
    if outcome.got > outcome.asked * (1 + _NEARLY) + 1e-9:
        return "more, since others are bound"
    if outcome.got < outcome.asked * (1 - _NEARLY) - 1e-9:
        return "less, since others have their minimum"
    return "as asked"
