"""A proposed mixture as tables and sentences."""

from collections.abc import Iterator, Mapping, Sequence

from dspipe.pipeline.report.tables import Table
from dspipe.stages.remix.mixtures.boosted import can_boost
from dspipe.stages.remix.mixtures.held_out import HeldOut
from dspipe.stages.remix.mixtures.proposal import Interval, Proposal
from dspipe.stages.remix.mixtures.scale import ScaleKind

NAMES = {"law": "law", "boosted": "boosted trees"}
_RUNS_SHOWN = 8


def tables(proposal: Proposal) -> Iterator[Table]:
    """Held-out errors, weights and metrics."""
    yield held_out_table(proposal.held_out, proposal.scale)
    yield Table(
        f"Weights, by the {_name_model(proposal)}",
        ("domain", "natural", "proposed", "90 % of resamples", ""),
        frozenset({1, 2}),
        [
            (
                name,
                f"{100 * proposal.natural[name]:.2f} %",
                f"{100 * weight:.2f} %",
                "{:.2f} to {:.2f} %".format(*(100 * end for end in proposal.weights_between[name])),
                _say_limit(proposal, name),
            )
            for name, weight in sorted(proposal.weights.items(), key=lambda item: (-item[1], item[0]))
        ],
    )
    yield Table(
        "Expected metrics",
        ("metric", "natural", "proposed", "90 % of resamples"),
        frozenset({1, 2}),
        [
            (
                name,
                f"{metric.natural:.5g}",
                f"{metric.proposed:.5g}",
                f"{metric.proposed_between.low:.5g} to {metric.proposed_between.high:.5g}",
            )
            for name, metric in proposal.by_metric.items()
        ],
    )


def held_out_table(held_out: Mapping[str, HeldOut], scale: ScaleKind) -> Table:
    """Errors by model."""
    return Table(
        "Error on mixtures that weren't fitted",
        ("model", "mean error", "R2", "rank correlation"),
        frozenset({1, 2, 3}),
        [
            (NAMES[name], _with_unit(found.error, scale), f"{found.r2:.3f}", f"{found.spearman:.3f}")
            for name, found in held_out.items()
        ],
    )


def sentences(proposal: Proposal, remarks: Sequence[str]) -> list[str]:
    """What is expected, how sure it is, and what to mind."""
    scale = proposal.scale
    said = [
        f"Gain over the natural mixture: {_between(proposal.gain, scale)}"
        + (": none that is sure, so stay with the natural one, or run more mixtures" if proposal.gain.low <= 0 else ""),
        f"Best measured mixture: {proposal.best_run}, a gain of {_with_unit(proposal.best_gain, scale)} as measured",
        f"Nearest measured mixture: {100 * proposal.distance:.0f} % of the tokens are of other domains"
        + (
            f" (measured ones have a neighbour within {100 * proposal.usual_distance:.0f} %): measure the proposed "
            "mixture before a large run"
            if proposal.is_far
            else ""
        ),
    ]
    if proposal.at_most_tried:
        named = ", ".join(proposal.at_most_tried)
        said.append(f"no mixture that was tried has more of {named}: draw wider ones to learn whether more is better")
    if odd := proposal.odd_runs:
        more = f" and {len(odd) - _RUNS_SHOWN} more" if len(odd) > _RUNS_SHOWN else ""
        said.append(
            f"far from what the others say, so they count little: {', '.join(odd[:_RUNS_SHOWN])}{more}; see their logs"
        )
    if not can_boost():
        said.append("the law alone: boosted trees need scikit-learn, pip install 'dspipe[mixture]'")
    return [*said, *remarks]


def _name_model(proposal: Proposal) -> str:
    if proposal.model != "law":
        return NAMES[proposal.model]
    return "log-linear law" if proposal.knee is None else f"power law with the knee {proposal.knee:g}"


def _say_limit(proposal: Proposal, domain: str) -> str:
    if domain in proposal.at_cap:
        return "at its cap"
    return "the most that was tried" if domain in proposal.at_most_tried else ""


def _with_unit(value: float, scale: ScaleKind) -> str:
    if scale == "relative":
        return f"{100 * value:.2f} %"
    return f"{value:.4g}" if scale == "own" else f"{value:.3g} usual differences"


def _between(interval: Interval, scale: ScaleKind) -> str:
    low, high = _with_unit(interval.low, scale), _with_unit(interval.high, scale)
    return f"{_with_unit(interval.expected, scale)} ({low} to {high} in 90 % of resamples)"
