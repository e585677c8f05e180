"""Counting a shard's documents and tokens by domain, and the tokens by position in the domain, or by score."""

import json

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.remix import dsir, epochs
from dspipe.stages.remix.domain_batches import read_domains
from dspipe.stages.remix.domain_counts import DomainCounts, TooManyDomainsError
from dspipe.stages.remix.score_counts import ScoreCounts
from dspipe.stages.remix.settings import Grouping


def count_tokens(task: Task, stage: StageSettings) -> None:
    """Make the shard's part of the artifact `domains`: its counts for the plan."""
    _count(task, stage, "domains")


def count_bytes(task: Task, stage: StageSettings) -> None:
    """Make the shard's part of the artifact `domain_bytes`: its counts for the forecast."""
    _count(task, stage, "domain_bytes")


def _count(task: Task, stage: StageSettings, artifact: str) -> None:
    grouping = Grouping.model_validate(stage.settings)
    scores = ScoreCounts() if grouping.score is not None else None
    counts = DomainCounts(dsir.BINS if grouping.by_importance else epochs.BINS)
    try:
        for batch in read_domains(task, grouping, stage.seed):
            kept, codes, tokens = batch.kept, batch.codes[batch.kept], batch.tokens[batch.kept]
            if scores is not None and batch.score_bins is not None:
                scores.add(batch.names, codes, batch.score_bins[kept], tokens)
            else:
                counts.add(batch.names, codes, batch.positions[kept], tokens)
        content = _to_json(counts) if scores is None else scores.to_bytes()
    except TooManyDomainsError as error:
        raise ConfigError(f"{grouping.by_name!r} has {error}; group them", ("by",)) from None
    with task.make(artifact, ".json" if scores is None else ".arrow") as file:
        file.write(content)


def _to_json(counts: DomainCounts) -> bytes:
    """What the plan adds up."""
    return json.dumps({"bins": counts.bins, "domains": counts.as_json()}).encode()
