"""Planning the mixture from what was counted: the plan of the draw, and the forecast that comes before it.

The tokenizer is trained on a sample of what is drawn, and what is drawn depends on the tokenizer's counts. So the
mixture is worked out a first time in bytes of text, where a token of `tokens` and `min_tokens` stands for
BYTES_PER_TOKEN. Shares by weight are then shares of bytes: a domain whose tokens are shorter than the others' has a
smaller part of the forecast than it will have of the tokens' text. A budget or minimum that the bytes don't allow is
taken as far as they do; whether it can be met is seen when there are tokens.
"""

from collections.abc import Sequence
from dataclasses import asdict

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.remix.domain_counts import DomainCounts, TooManyDomainsError
from dspipe.stages.remix.drawn_epochs import DrawnEpochs
from dspipe.stages.remix.epochs import Domain
from dspipe.stages.remix.mixture import plan_mixture
from dspipe.stages.remix.mixture_plan import MixturePlan
from dspipe.stages.remix.planned_curve import epochs_by_score
from dspipe.stages.remix.score_counts import ScoreCounts
from dspipe.stages.remix.settings import MixtureRequest
from dspipe.stages.shared.artifacts import read_artifacts, read_json_artifacts

BYTES_PER_TOKEN = 4
"""Of English text; a mixture with much Chinese and code has 3.3 (tokenizer.schemes)."""

SHOWN = ("domain", "documents", "tokens", "weight_asked", "weight_got", "epochs", "tokens_drawn", "bound_by")
"""What the run's statistics show of a domain."""


def plan_draw(task: Task, stage: StageSettings) -> None:
    """Make the artifacts `mixture`, `mixture_epochs`, `mixture_phases` and, with a curve, `mixture_scores`. Raises
    ConfigError when what is asked can't be met.

    Settings: request (`MixtureRequest`), unit (`tokens` or `bytes`).
    """
    request = MixtureRequest.model_validate(stage.settings["request"])
    domains = _read_domains(task, "domains", request)
    plan = plan_mixture(domains, request, stage.seed, stage.settings["unit"])
    for artifact, content in (
        ("mixture", plan.to_json()),
        ("mixture_phases", plan.order.to_json()),
    ):
        with task.make(artifact) as file:
            file.write(content)
    _make_epochs(task, plan, domains, request, "mixture")
    shown = [{name: asdict(domain)[name] for name in SHOWN} for domain in plan.domains]
    if request.curve is not None:
        for row, domain in zip(shown, plan.domains, strict=True):
            row["epochs_of_best"] = round(domain.curve.highest, 6) if domain.curve is not None else 0.0
    task.note("mixture", shown)


def forecast_draw(task: Task, stage: StageSettings) -> None:
    """Make the artifact `expected_epochs`, and with a curve `expected_scores`. Raises ConfigError for names of domains
    that there are not.

    Settings: request (`MixtureRequest`).
    """
    request = MixtureRequest.model_validate(stage.settings["request"])
    min_bytes = {name: tokens * BYTES_PER_TOKEN for name, tokens in request.min_tokens.items()}
    budget = None if request.tokens is None else request.tokens * BYTES_PER_TOKEN
    tail = request.tail and request.tail.model_copy(update={"min_tokens": request.tail.min_tokens * BYTES_PER_TOKEN})
    in_bytes = request.model_copy(update={"tokens": budget, "min_tokens": min_bytes, "tail": tail})
    domains = _read_domains(task, "domain_bytes", request)
    plan = plan_mixture(domains, in_bytes, stage.seed, "bytes", clamp=True)
    _make_epochs(task, plan, domains, in_bytes, "expected")


def _make_epochs(task: Task, plan: MixturePlan, domains: Sequence[Domain], request: MixtureRequest, name: str) -> None:
    """Make the artifacts of what the draw depends on."""
    drawn = DrawnEpochs(plan.epochs, plan.merged, epochs_by_score(plan, domains, request))
    with task.make(f"{name}_epochs") as file:
        file.write(drawn.to_json())
    if request.curve is not None:
        with task.make(f"{name}_scores", ".arrow") as file:
            file.write(drawn.scores_to_bytes())


def _read_domains(task: Task, artifact: str, request: MixtureRequest) -> Sequence[Domain]:
    """What all shards counted, added up."""
    try:
        if request.curve is not None:
            scores = ScoreCounts()
            for _, content in read_artifacts(task, artifact):
                scores.add_bytes(content)
            return scores.domains()
        counts: DomainCounts | None = None
        for _, counted in read_json_artifacts(task, artifact):
            counts = counts or DomainCounts(counted["bins"])
            counts.add_json(counted["domains"])
        return counts.domains() if counts else []
    except TooManyDomainsError as error:
        raise ConfigError(f"{request.by_name!r} has {error}; group them", ("by",)) from None
