"""The steps of remix: counting domains, planning the mixture, and how often each document is then seen."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.remix import dsir as importance
from dspipe.stages.remix import epochs as axis
from dspipe.stages.remix.domain_batches import Placed, read_placed, unit_of
from dspipe.stages.remix.domain_counts import DomainCounts, TooManyDomainsError
from dspipe.stages.remix.mixture import plan_mixture
from dspipe.stages.remix.settings import Config, Mixture, Part
from dspipe.stages.remix.weights import Wish

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task


def count_domains(task: "Task", config: Config, artifact: str) -> None:
    """Write the shard's documents and tokens by domain, and the tokens by place on the domain's axis."""
    counts = DomainCounts(axis.BINS if config.importance is None else importance.BINS)
    for placed in read_placed(task, config):
        kept = placed.kept
        try:
            counts.add(placed.names, placed.codes[kept], placed.places[kept], placed.tokens[kept])
        except TooManyDomainsError as error:
            raise ConfigError(f"{config.by!r} has {error}; group them", ("by",)) from None
    with task.make(artifact) as file:
        entries = {"unit": unit_of(task), "bins": counts.bins, "domains": counts.as_json()}
        file.write(json.dumps(entries).encode())


def plan_counted(task: "Task", config: Config, artifact: str, bend: bool = False) -> dict[str, Any]:
    """The plan (`plan_mixture`) for the domains that were counted. Raises ConfigError when a wish can't be met."""
    counts, unit = DomainCounts(axis.BINS), "tokens"
    for number, counted_file in enumerate(task.artifact(artifact)):
        counted = json.loads(counted_file.read())
        if number == 0:
            counts, unit = DomainCounts(counted["bins"]), counted["unit"]
        try:
            counts.add_json(counted["domains"])
        except TooManyDomainsError as error:
            raise ConfigError(f"{config.by!r} has {error}; group them", ("by",)) from None
    parts = config.phases or [Part(share=1, **config.model_dump(include=set(Mixture.model_fields)))]
    plan = plan_mixture(
        counts.domains(),
        [Wish(p.share, p.weights, p.multipliers, p.temperature, p.unimax) for p in parts],
        config.tokens,
        config.max_epochs,
        config.min_tokens,
        config.others,
        unit="tokens" if unit == "tokens" else "bytes",
        bend=bend,
    )
    return {"by": config.by, "seed": task.seed, **plan}


def copies_by_plan(task: "Task", config: Config, artifact: str) -> Iterator[tuple[Placed, npt.NDArray[np.int32]]]:
    """The shard's documents, and how often each is seen (int32): it depends on the seed, its id and its domain's plan
    alone, and is 0 where a document was dropped."""
    plan = json.loads(task.artifact(artifact)[0].read())
    ends = {entry["domain"]: entry["edges"][-1] for entry in plan["domains"]}
    for placed in read_placed(task, config):
        edges = np.array([ends.get(name, 0.0) for name in placed.names], float)
        yield placed, axis.copies_of(placed.places, edges[placed.codes]) * placed.kept
