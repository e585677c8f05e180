"""Planning the mixture from what was counted: the plan of the draw, and the forecast that comes before it.

The tokenizer is trained on a sample of what is drawn, and what is drawn depends on the tokenizer's counts. So the
mixture is worked out a first time in bytes of text, where a token of `tokens` and `min_tokens` stands for
BYTES_PER_TOKEN. Shares by weight are then shares of bytes: a domain whose tokens are shorter than the others' has a
smaller part of the forecast than it will have of the tokens' text. A budget or minimum that the bytes don't allow is
taken as far as they do; whether it can be met is seen when there are tokens.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from dspipe.pipeline.errors import UnfitSettingError
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.remix.domain_counts import DomainCounts, TooManyDomainsError
from dspipe.stages.remix.epochs import Domain
from dspipe.stages.remix.mixture import plan_mixture
from dspipe.stages.remix.settings import MixtureRequest
from dspipe.stages.shared.artifacts import read_json_artifacts

BYTES_PER_TOKEN = 4
"""Of English text; a mixture with much Chinese and code has 3.3 (tokenizer.schemes)."""

SHOWN = ("domain", "documents", "tokens", "weight_asked", "weight_got", "epochs", "tokens_drawn")
"""What the run's statistics show of a domain."""


def plan_draw(task: Task, stage: StageSettings) -> None:
    """Make the artifacts `mixture`, `mixture_epochs` and `mixture_phases`. Raises UnfitSettingError when what is asked
    can't be met.

    Settings: request (`MixtureRequest`), unit (`tokens` or `bytes`).
    """
    request = MixtureRequest.model_validate(stage.settings["request"])
    domains = _read_domains(task, "domains", request)
    plan = plan_mixture(domains, request, stage.seed, stage.settings["unit"])
    for artifact, content in (
        ("mixture", plan.to_json()),
        ("mixture_epochs", json.dumps(plan.epochs).encode()),
        ("mixture_phases", plan.order.to_json()),
    ):
        with task.make(artifact) as file:
            file.write(content)
    shown = [{name: asdict(domain)[name] for name in SHOWN} for domain in plan.domains]
    task.note("mixture", shown)


def forecast_draw(task: Task, stage: StageSettings) -> None:
    """Make the artifact `expected_epochs`. Raises UnfitSettingError for names of domains that there are not.

    Settings: request (`MixtureRequest`).
    """
    request = MixtureRequest.model_validate(stage.settings["request"])
    min_bytes = {name: tokens * BYTES_PER_TOKEN for name, tokens in request.min_tokens.items()}
    budget = None if request.tokens is None else request.tokens * BYTES_PER_TOKEN
    in_bytes = request.model_copy(update={"tokens": budget, "min_tokens": min_bytes})
    domains = _read_domains(task, "domain_bytes", request)
    plan = plan_mixture(domains, in_bytes, stage.seed, "bytes", clamp=True)
    with task.make("expected_epochs") as file:
        file.write(json.dumps(plan.epochs).encode())


def _read_domains(task: Task, artifact: str, request: MixtureRequest) -> Sequence[Domain]:
    """What all shards counted, added up."""
    counts: DomainCounts | None = None
    for _, counted in read_json_artifacts(task, artifact):
        counts = counts or DomainCounts(counted["bins"])
        try:
            counts.add_json(counted["domains"])
        except TooManyDomainsError as error:
            raise UnfitSettingError(f"{request.by!r} has {error}; group them", ("by",)) from None
    return counts.domains() if counts else []
