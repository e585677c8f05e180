"""Which part of each domain and language the sample takes that a tokenizer is trained on."""

import json
from collections.abc import Iterable
from typing import Any

from dspipe.pipeline.errors import UnfitSettingError
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.artifacts import read_json_artifacts
from dspipe.stages.tokenizer.sizes import Sizes, add_size
from dspipe.tokenizer.settings import TrainSettings, Weights

MAX_CELLS_SHOWN = 40
"""Rows of a table in the run's statistics."""

Rates = dict[str, dict[str, float]]
"""Shares of the documents, or how often they count, by domain and language."""


def choose_rates(task: Task, stage: StageSettings) -> None:
    """Make the artifact `tokenizer_sample`: the rate at which documents of each domain and language are taken.

    Settings: sample_bytes and weights of TrainSettings. Raises UnfitSettingError for weights that name no part of
    the corpus.
    """
    settings = TrainSettings.model_validate(stage.settings)
    sizes: Sizes = {}
    for _, shard in read_json_artifacts(task, "tokenizer_sizes"):
        for domain, languages in shard.items():
            for language, size in languages.items():
                add_size(sizes, domain, language, size)
    weights = settings.weights if isinstance(settings.weights, Weights) else None
    rates = compute_rates(sizes, settings.sample_bytes, weights)
    cells: list[dict[str, Any]] = [
        {"domain": domain, "language": language, "bytes": size, "rate": rates.get(domain, {}).get(language, 0.0)}
        for domain, languages in sizes.items()
        for language, size in languages.items()
    ]
    cells.sort(key=lambda cell: -cell["bytes"])
    sampled = round(sum(cell["bytes"] * cell["rate"] for cell in cells))
    task.note("sample", {"bytes": sampled, "of": sum(cell["bytes"] for cell in cells)})
    task.note("rates", cells[:MAX_CELLS_SHOWN])
    with task.make("tokenizer_sample") as file:
        file.write(json.dumps({"bytes": sampled, "rates": rates}).encode())


def read_rates(task: Task) -> Rates:
    """The rates that choose_rates decided on."""
    rates: Rates = json.loads(task.artifact("tokenizer_sample")[0].read())["rates"]
    return rates


def compute_rates(sizes: Sizes, sample_bytes: int, weights: Weights | None) -> Rates:
    """The share of each domain's and language's documents to sample, so that about `sample_bytes` are, in shares by
    `weights` if given.

    What is smaller than its share is taken whole, and the others get no more for it.
    """
    if weights is None:
        total = sum(sum(languages.values()) for languages in sizes.values())
        rate = min(1.0, sample_bytes / max(1, total))
        return {domain: dict.fromkeys(languages, rate) for domain, languages in sizes.items()}
    wanted: Rates = {}
    if weights.domain is None:  # languages alone: each domain has the part of a language that it has of its bytes
        totals: dict[str, int] = {}
        for languages in sizes.values():
            for language, size in languages.items():
                totals[language] = totals.get(language, 0) + size
        share = _shares(totals, weights.language, "language")
        for domain, languages in sizes.items():
            wanted[domain] = {name: share[name] * size / max(1, totals[name]) for name, size in languages.items()}
    else:
        weighed: Rates = {  # each domain's bytes, or its languages' weights
            domain: {name: (weights.language or languages).get(name, 0) for name in languages}
            for domain, languages in sizes.items()
        }
        share = _shares((domain for domain in weighed if any(weighed[domain].values())), weights.domain, "domain")
        for domain in share:
            whole = sum(weighed[domain].values())
            wanted[domain] = {name: share[domain] * weight / whole for name, weight in weighed[domain].items()}
    return {
        domain: {name: min(1.0, sample_bytes * wanted[domain][name] / max(1, size)) for name, size in languages.items()}
        for domain, languages in sizes.items()
        if domain in wanted
    }


def _shares(names: Iterable[str], weights: dict[str, float] | None, kind: str) -> dict[str, float]:
    """The weights of the names, summing to 1."""
    given = {name: (weights or {}).get(name, 0.0) for name in names}
    total = sum(given.values())
    if total == 0:
        found = ", ".join(given) or "none"
        raise UnfitSettingError(f"no {kind} of the corpus has a weight; it has {found}", ("train", "weights"))
    return {name: weight / total for name, weight in given.items()}
