"""From the files of a sweep to what is fitted, and the bounds that the answer has to keep."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dspipe.stages.remix.mixtures.domains_file import NAME, MixedDomains, say_changed
from dspipe.stages.remix.mixtures.proposal import Evidence
from dspipe.stages.remix.mixtures.simplex import Bounds, Float64
from dspipe.stages.remix.mixtures.tables import MixtureTable, TableError, join, read_ratios, read_table


@dataclass(frozen=True)
class Caps:
    """What the mixture is for: None of `budget` means that domains may be repeated as often as one likes."""

    budget: float | None = None
    max_epochs: float | Mapping[str, float] = 4.0
    min_tokens: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A fit that can begin."""

    evidence: Evidence
    natural: Float64
    bounds: Bounds
    remarks: tuple[str, ...]


def read_evidence(
    ratios_file: Path, metrics_file: Path, objective: Path | None, available: MixedDomains | None, caps: Caps
) -> Asked:
    """Read and compare the tables.

    objective   a YAML or JSON file with weights of metrics, below 0 where more is better; others aren't fitted.
                Default: the mean of all
    available   what there is of each domain; default: the `domains.json` beside the ratios. With identities, these must
                be those that the mixtures were drawn for

    Raises TableError, DomainsFileError, BoundsError.
    """
    ratios, metrics = read_ratios(ratios_file), read_table(metrics_file)
    joined = join(ratios, metrics)
    points, values, without = joined.ratios, joined.metrics, joined.without
    remarks = (
        [f"{len(without)} of {len(ratios.runs)} mixtures have no metrics, the first {without[0]}"] if without else []
    )
    beside = ratios_file.with_name(NAME)
    drawn = MixedDomains.read(beside) if beside.exists() else None
    _check_same_buckets(ratios, drawn, available)
    given = available or drawn
    if given is None:
        remarks.append("what there is of the domains isn't known: the natural mixture is the mean of those measured")
        if caps.budget is not None:
            raise TableError(f"a budget needs what there is of each domain: --available mixture.json, or {NAME}")
        natural, tokens = points.mean(axis=0), np.ones(len(ratios.columns))
    else:
        natural, tokens, more = _match(ratios, given)
        remarks += more
    if caps.budget is None:
        remarks.append("without a budget no cap binds: the proposed mixture may need more of a domain than there is")
    bounds = Bounds.from_tokens(ratios.columns, tokens, caps.max_epochs, caps.min_tokens, caps.budget)
    wanted = _read_objective(objective, metrics)
    counts = wanted != 0
    names = tuple(np.array(metrics.columns)[counts].tolist())
    evidence = Evidence(ratios.columns, names, points, values[:, counts], wanted[counts], joined.runs)
    return Asked(evidence, natural, bounds, tuple(remarks))


def _check_same_buckets(ratios: MixtureTable, drawn: MixedDomains | None, available: MixedDomains | None) -> None:
    if drawn is not None and drawn.buckets is not None and ratios.buckets not in (None, drawn.buckets):
        raise TableError(f"{ratios.path} is of other mixtures than the {NAME} beside it: one of them was replaced")
    if available is None or available.identities is None:
        return
    if ratios.buckets is None:
        raise TableError(
            f"{ratios.path} doesn't say which domains it is of (`name` is to hold what `dspipe mixture sample` wrote), "
            "so it can't be compared with the config; fit it without --config"
        )
    if ratios.buckets != available.buckets:
        changed = say_changed(drawn.identities, available.identities) if drawn and drawn.identities else None
        what = changed or "the hash of the config's domains is another"
        raise TableError(
            f"{ratios.path} is no evidence for the domains of the config: {what}. Draw and run mixtures anew with "
            "`dspipe mixture sample`"
        )


def _match(ratios: MixtureTable, given: MixedDomains) -> tuple[Float64, Float64, list[str]]:
    """The natural parts and the tokens of the tables' domains, and what is to be said."""
    missing = [name for name in ratios.columns if name not in given.tokens]
    if missing:
        there = ", ".join([*given.tokens][:10])
        raise TableError(f"{ratios.path} has weights of {', '.join(missing)}, but the run's domains are {there}")
    more = [name for name in given.tokens if name not in ratios.columns]
    said = [f"no mixture names {', '.join(more)}: left out of the proposal too"] if more else []
    tokens = np.array([given.tokens[name] for name in ratios.columns], float)
    return tokens / tokens.sum(), tokens, said


def _read_objective(path: Path | None, metrics: MixtureTable) -> Float64:
    if path is None:
        return np.full(len(metrics.columns), 1 / len(metrics.columns))
    try:
        value: Any = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TableError(f"{path} can't be read: {error}") from None
    if not isinstance(value, dict) or not value:
        raise TableError(f"{path} is to be a mapping of metrics to weights, like {{{metrics.columns[0]}: 1}}")
    for name, weight in value.items():
        if name not in metrics.columns:
            raise TableError(f"{path}: there is no metric {name!r}; there are {', '.join(metrics.columns)}")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not np.isfinite(weight):
            raise TableError(f"{path}: the weight of {name} is {weight!r}, not a number")
    weights = np.array([value.get(name, 0) for name in metrics.columns], float)
    if not weights.any():
        raise TableError(f"{path} gives every metric the weight 0")
    return weights
