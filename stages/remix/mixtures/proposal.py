"""What is asked of a fit, and what it answers."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dspipe.stages.remix.mixtures.held_out import HeldOut
from dspipe.stages.remix.mixtures.scale import ScaleKind
from dspipe.stages.remix.mixtures.simplex import Float64

INTERVAL = (0.05, 0.95)


@dataclass(frozen=True)
class Evidence:
    """Mixtures and the metrics that models had which were trained on them. Lower is better of each metric that counts
    with a weight above 0, higher where it is below."""

    domains: tuple[str, ...]
    metrics: tuple[str, ...]
    ratios: Float64
    """float64[mixtures, domains]"""
    values: Float64
    """float64[mixtures, metrics]"""
    objective: Float64
    """float64[metrics], the weights of their sum"""
    runs: tuple[str, ...]
    """the mixtures' names"""


@dataclass(frozen=True)
class Interval:
    """What is expected, and where 90 % of the resamples' values lie."""

    expected: float
    low: float
    high: float

    @classmethod
    def of(cls, expected: float, resampled: Float64) -> "Interval":
        """From what each resample says."""
        low, high = np.quantile(resampled, INTERVAL)
        return cls(expected, float(low), float(high))


@dataclass(frozen=True)
class ExpectedMetric:
    """What is expected of a metric, in its own unit."""

    natural: float
    proposed: float
    proposed_between: Interval
    """of the resamples"""


@dataclass(frozen=True)
class Proposal:
    """A mixture to train on, beside the natural one."""

    weights: dict[str, float]
    natural: dict[str, float]
    weights_between: dict[str, tuple[float, float]]
    """by domain, 90 % of the best mixtures of resamples"""
    model: str
    """law or boosted: the one with the smaller held-out error"""
    knee: float | None
    """of the law; None: the log-linear one, or no law"""
    held_out: dict[str, HeldOut]
    """by model"""
    least_correlation: float
    """of held-out ranks, below which nothing is proposed"""
    scale: ScaleKind
    pull: float
    gain: Interval
    """Natural less proposed, the weighted mean over metrics on the scale: above 0 the proposal is better. 0.02 on the
    relative scale are 2 %."""
    by_metric: dict[str, ExpectedMetric]
    best_run: str
    """the mixture with the best objective that was measured"""
    best_gain: float
    """its gain, as measured, over what is expected of the natural one"""
    distance: float
    """to the nearest mixture that was measured: the part of all tokens that is of another domain, 0..1"""
    usual_distance: float
    """95 % of the measured mixtures have a neighbour nearer than this"""
    at_cap: tuple[str, ...]
    """domains of which there isn't more within the epochs"""
    at_most_tried: tuple[str, ...]
    """domains of which no measured mixture has more, though there is more"""
    odd_runs: tuple[str, ...]
    """mixtures that are far from what the law says of them: they count little"""

    @property
    def is_far(self) -> bool:
        """Whether the proposed mixture is farther from what was measured than measured ones are from each other."""
        return self.distance > self.usual_distance

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "is_far": self.is_far}
