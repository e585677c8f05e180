"""Configs that try mixtures: each is the whole config with other weights, and reuses all that comes before `remix`.

A tokenizer that the run trains follows its mixture. Metrics of models with other tokenizers can't be compared, and all
documents would be encoded anew each time: so the mixtures take the tokenizer of the run that is there, a copy of it
beside them.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dspipe.pipeline.config.run_config import Parts
from dspipe.pipeline.errors import RunNotFoundError
from dspipe.pipeline.plan.checked_plan import make_checked_plan
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.run.run_file import RunFile, read_run
from dspipe.pipeline.storage.store import Store
from dspipe.stages.remix.mixture_plan import MixturePlan
from dspipe.stages.remix.mixtures.buckets import identify_domains
from dspipe.stages.remix.mixtures.domains_file import NAME, MixedDomains
from dspipe.stages.remix.mixtures.simplex import Bounds, Drawn, draw_mixtures
from dspipe.stages.remix.mixtures.tables import BUCKETS, write_table
from dspipe.stages.remix.settings import Mixture, RemixConfig
from dspipe.stages.remix.stage import RemixStage
from dspipe.stages.tokenizer.files import SIDE_FILES
from dspipe.stages.tokenizer.stage import TokenizerStage

RATIOS = "ratios.csv"
TOKENIZER = "tokenizer.json"
_DIGITS = 9
"""of a weight in a config"""


class SampleError(ValueError):
    """Why there can be no mixtures of a config, and what to do."""


@dataclass(frozen=True)
class ConfiguredMixture:
    """A config's `remix`, and what a run of it has counted."""

    plan: Plan
    remix: RemixConfig
    store: Store
    run: RunFile
    domains: MixedDomains

    @property
    def bounds(self) -> Bounds:
        """What the config's caps and minimum tokens allow under its budget. Raises BoundsError."""
        domains, remix = self.domains, self.remix
        return Bounds.from_tokens(domains.names, domains.available, remix.max_epochs, remix.min_tokens, domains.budget)


@dataclass(frozen=True)
class Written:
    """What `write_mixtures` has written."""

    drawn: Drawn
    domains: MixedDomains
    tokenizer: bool
    """whether the mixtures take a copy of the run's tokenizer, instead of training one each"""


def read_configured(parts: Parts, tokens: float | None = None, mixed: Sequence[str] | None = None) -> ConfiguredMixture:
    """A config's `remix` and the run of it. tokens: the budget of each mixture; default: the config's, or else all that
    there is. mixed: the domains that are; default: all but those to which the config gives the weight 0, and those of
    which nothing is kept.

    Raises InvalidConfigError, SampleError, RunNotFoundError.
    """
    plan = make_checked_plan(parts)
    stages = plan.config.stages
    stage = next((stage for stage in stages if isinstance(stage, RemixStage)), None)
    if stage is None:
        raise SampleError("the config has no stage `remix`, whose weights are to be found")
    if stage.config.phases is not None:
        raise SampleError("the config's remix has phases: weights are looked for of one mixture; take them out")
    try:
        store, run = read_run(plan.config.output)
    except RunNotFoundError as error:
        raise RunNotFoundError(f"{error}. The domains are counted by a run: `dspipe run` the config first") from None
    if not run.finished or len(run.artifacts.get("mixture", ())) != 1:
        raise SampleError(f"the run in {plan.config.output} isn't finished: `dspipe run` the config first")
    planned = MixturePlan.from_json(store.read_bytes(run.artifacts["mixture"][0]))
    if planned.by != stage.config.by_name:
        raise SampleError(
            f"the run in {plan.config.output} has mixed by {planned.by}, the config mixes by {stage.config.by_name}: "
            "`dspipe run` the config first"
        )
    weights = stage.config.weights
    unnamed = 0.0 if stage.config.others == "drop" else 1.0

    def wanted(name: str) -> bool:
        return weights is None or weights.get(name, unnamed) > 0

    there = {
        domain.domain: domain.tokens
        for domain in planned.domains
        if domain.tokens and (domain.domain in mixed if mixed is not None else wanted(domain.domain))
    }
    if len(there) < 2:
        raise SampleError(f"there is nothing to weigh: documents are kept of {', '.join(there) or 'no domain'} alone")
    budget = tokens or stage.config.tokens or float(sum(there.values()))
    identities = identify_domains(plan, stage.config, [*there], run, store)
    domains = MixedDomains(there, planned.unit, identities, budget)
    return ConfiguredMixture(plan, stage.config, store, run, domains)


def write_mixtures(
    parts: Parts, count: int, folder: Path, concentration: tuple[float, float], tokens: float | None, seed: int
) -> Written:
    """Write `count` configs, the first with the natural mixture, and `ratios.csv` and `domains.json`, to a folder that
    is new or empty. Raises InvalidConfigError, SampleError, BoundsError, RunNotFoundError."""
    if folder.exists() and any(folder.iterdir()):
        raise SampleError(f"{folder} isn't empty: mixtures that metrics belong to must stay; name another folder")
    configured = read_configured(parts, tokens)
    domains, bounds = configured.domains, configured.bounds
    if not any(phase.name == "pack.index" for phase in configured.plan.phases):
        raise SampleError("the config has no stage `pack`, so there would be nothing to train on")
    drawn = draw_mixtures(domains.natural, count - 1, concentration, bounds, np.random.default_rng(seed))
    natural = bounds.move_within(domains.natural[None])
    points = np.stack([bounds.round(point, _DIGITS) for point in np.concatenate([natural, drawn.points])])
    drawn = replace(drawn, points=points)
    folder.mkdir(parents=True, exist_ok=True)
    values, copied = _with_given_tokenizer(parts.values, configured, folder)
    width = max(3, len(str(count - 1)))
    names = [f"mix-{number:0{width}}" for number in range(count)]
    for name, point in zip(names, points, strict=True):
        weights = dict(zip(domains.names, point.tolist(), strict=True))
        config = _with_weights(values, configured, weights)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), "utf-8")
    domains.write(folder / NAME)
    rows = [
        (name, dict(zip(domains.names, point.tolist(), strict=True))) for name, point in zip(names, points, strict=True)
    ]
    # last: a folder with this file is whole
    write_table(folder / RATIOS, domains.names, rows, name=f"{BUCKETS}{domains.buckets}")
    return Written(drawn, domains, copied)


def _with_given_tokenizer(
    values: Mapping[str, Any], configured: ConfiguredMixture, folder: Path
) -> tuple[dict[str, Any], bool]:
    """The config's values with the run's tokenizer, where a new one would be trained for each mixture."""
    edited = copy.deepcopy(dict(values))
    for index, (stage, module) in enumerate(
        zip(configured.plan.config.stages, configured.plan.config.modules, strict=True)
    ):
        if not isinstance(stage, TokenizerStage) or stage.config.train is None:
            continue
        if not any(phase.name == "remix.expect" for phase in configured.plan.phases):
            continue  # its sample doesn't follow the mixture
        for file in (TOKENIZER, *SIDE_FILES.values()):
            if configured.store.exists(file):
                (folder / file).write_bytes(configured.store.read_bytes(file))
        settings = edited["stages"][index][module]
        kept = {key: value for key, value in settings.items() if key != "train"}
        edited["stages"][index] = {module: {"path": str(folder / TOKENIZER), **kept}}
        return edited, True
    return edited, False


def _with_weights(
    values: Mapping[str, Any], configured: ConfiguredMixture, weights: Mapping[str, float]
) -> dict[str, Any]:
    """The config's values with these weights; domains that aren't mixed have none."""
    edited = copy.deepcopy(dict(values))
    index = next(i for i, stage in enumerate(configured.plan.config.stages) if isinstance(stage, RemixStage))
    item, module = edited["stages"][index], configured.plan.config.modules[index]
    settings = dict((item.get(module) if isinstance(item, dict) else None) or {})
    for key in Mixture.model_fields:
        settings.pop(key, None)
    left_out = {name: 0.0 for name in configured.remix.weights or {} if name not in weights}
    budget = configured.domains.budget or 0
    settings |= {"weights": {**weights, **left_out}, "tokens": int(budget) if budget == int(budget) else budget}
    edited["stages"][index] = {module: settings}
    return edited
