"""Counting a shard's documents and tokens by domain, and the tokens by position in the domain."""

import json

from dspipe.pipeline.errors import UnfitSettingError
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.remix import dsir, epochs
from dspipe.stages.remix.domain_batches import read_domains
from dspipe.stages.remix.domain_counts import DomainCounts, TooManyDomainsError
from dspipe.stages.remix.settings import Grouping


def count_tokens(task: Task, stage: StageSettings) -> None:
    """Make the shard's part of the artifact `domains`: its counts for the plan."""
    _count(task, stage, "domains")


def count_bytes(task: Task, stage: StageSettings) -> None:
    """Make the shard's part of the artifact `domain_bytes`: its counts for the forecast."""
    _count(task, stage, "domain_bytes")


def _count(task: Task, stage: StageSettings, artifact: str) -> None:
    grouping = Grouping.model_validate(stage.settings)
    counts = DomainCounts(dsir.BINS if grouping.by_importance else epochs.BINS)
    for batch in read_domains(task, grouping, stage.seed):
        kept = batch.kept
        try:
            counts.add(batch.names, batch.codes[kept], batch.positions[kept], batch.tokens[kept])
        except TooManyDomainsError as error:
            raise UnfitSettingError(f"{grouping.by!r} has {error}; group them", ("by",)) from None
    with task.make(artifact) as file:
        file.write(json.dumps({"bins": counts.bins, "domains": counts.as_json()}).encode())
