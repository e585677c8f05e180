"""A proposed mixture as tables and sentences."""

from collections.abc import Iterator, Sequence

from dspipe.pipeline.report.tables import Table
from dspipe.stages.remix.mixtures.boosted import can_boost
from dspipe.stages.remix.mixtures.proposal import Interval, Proposal

NAMES = {"log_linear": "log-linear", "boosted": "boosted trees"}


def tables(proposal: Proposal) -> Iterator[Table]:
    """Held-out errors, weights and metrics."""
    yield Table(
        "Error on mixtures that weren't fitted",
        ("model", "RMSE", "R2", "rank correlation"),
        frozenset({1, 2, 3}),
        [
            (NAMES[name], f"{found.rmse:.4g}", f"{found.r2:.3f}", f"{found.spearman:.3f}")
            for name, found in proposal.held_out.items()
        ],
    )
    yield Table(
        f"Weights, by the {NAMES[proposal.model]} model",
        ("domain", "natural", "proposed", "90 % of resamples", ""),
        frozenset({1, 2}),
        [
            (
                name,
                f"{100 * proposal.natural[name]:.2f} %",
                f"{100 * weight:.2f} %",
                "{:.2f} to {:.2f} %".format(*(100 * end for end in proposal.weights_between[name])),
                "at its cap" if name in proposal.at_cap else "",
            )
            for name, weight in sorted(proposal.weights.items(), key=lambda item: (-item[1], item[0]))
        ],
    )
    yield Table(
        "Expected metrics",
        ("metric", "natural", "proposed"),
        frozenset({1, 2}),
        [(name, f"{before:.5g}", f"{after:.5g}") for name, (before, after) in proposal.by_metric.items()],
    )


def sentences(proposal: Proposal, remarks: Sequence[str]) -> list[str]:
    """What is expected, how sure it is, and what to mind."""
    said = [
        f"Objective (less is better): {_between(proposal.objective)}, natural {_between(proposal.objective_natural)}",
        f"Gain over the natural mixture: {_between(proposal.gain)}"
        + (" - none that is sure" if proposal.gain.low <= 0 else ""),
        f"Best measured mixture: {proposal.best_measured:.5g}",
        f"Distance to the nearest measured mixture: {100 * proposal.distance:.0f} % of the tokens"
        + (
            f"; measured ones have a neighbour within {100 * proposal.usual_distance:.0f} %, so this is extrapolated: "
            "measure the proposed mixture, and some around it, before a large run"
            if proposal.extrapolates
            else ", as near as they are to each other"
        ),
    ]
    best = proposal.held_out[proposal.model]
    if best.r2 < 0.5:
        said.append(
            f"warning: the model explains {max(0, best.r2):.0%} of what differs between mixtures: more of them are "
            "needed, or longer runs"
        )
    if not can_boost():
        said.append("the log-linear model alone: boosted trees need scikit-learn, pip install 'dspipe[mixture]'")
    return [*said, *remarks]


def _between(interval: Interval) -> str:
    return f"{interval.expected:.5g} ({interval.low:.5g} to {interval.high:.5g})"
