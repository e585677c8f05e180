"""The sample that a tokenizer is trained on: how large each part of the corpus is, and which documents are taken.

Where the sample follows remix, a document counts as often as remix is likely to draw it (stages.remix.estimate), and
so it may be in the sample more than once, but in no larger part of it than of what is drawn.

A document is in the sample or not by a hash of its id and the seed, whatever else is in the corpus at the same rate. So
the sample has the bytes that were asked for on average over seeds, with a standard deviation of sqrt(sum of r (1 - r)
b^2) over documents of b bytes at the rate r, which large documents make. Measured over 200 seeds: 1.5 % for 1 GB out of
3.6 GB in 254,000 documents, many of them books cut at 1 MB, and 6 % for 20 MB out of 94 MB in 66,000 documents.
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.bpe.count import hash_rows
from dspipe.pipeline.stage import ConfigError
from dspipe.tokenizer.settings import TrainSettings, Weights

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

MOST_SHOWN = 40
"""rows of a table in the run's statistics"""
UNKNOWN = "unknown"
"""the language of documents that have none"""

Sizes = dict[str, dict[str, int]]
"""bytes by domain and language"""
Rates = dict[str, dict[str, float]]
"""shares of the documents by domain and language"""


def add_up_sizes(task: "Task", copies: str | None) -> None:
    """Bytes of kept text by domain and language; copies: the column that says how often a document counts."""
    sizes: Sizes = {}
    for batch in task.rows(["text_bytes", "domain", "language", "reason", *([copies] if copies else [])]):
        kept = pa.Table.from_batches([batch.filter(pc.is_null(batch.column("reason")))])
        kept = kept.set_column(2, "language", pc.fill_null(kept.column("language"), UNKNOWN))
        if copies:
            kept = kept.set_column(0, "text_bytes", pc.multiply(kept.column("text_bytes"), kept.column(copies)))
        sums = kept.group_by(["domain", "language"]).aggregate([("text_bytes", "sum")])
        for row in sums.to_pylist():
            _add_size(sizes, row["domain"], row["language"], row["text_bytes_sum"])
    _make_json(task, "tokenizer_sizes", {domain: dict(sorted(sizes[domain].items())) for domain in sorted(sizes)})


def choose_rates(task: "Task", settings: TrainSettings) -> None:
    """The share of each domain's and language's documents to count."""
    sizes: Sizes = {}
    for artifact in task.artifact("tokenizer_sizes"):
        for domain, languages in json.loads(artifact.read()).items():
            for language, size in languages.items():
                _add_size(sizes, domain, language, size)
    rates = sampling_rates(
        sizes, settings.sample_bytes, settings.weights if isinstance(settings.weights, Weights) else None
    )
    cells: list[dict[str, Any]] = [
        {"domain": domain, "language": language, "bytes": size, "rate": rates.get(domain, {}).get(language, 0.0)}
        for domain, languages in sizes.items()
        for language, size in languages.items()
    ]
    cells.sort(key=lambda cell: -cell["bytes"])
    sampled = round(sum(cell["bytes"] * cell["rate"] for cell in cells))
    task.note("sample", {"bytes": sampled, "of": sum(cell["bytes"] for cell in cells)})
    task.note("rates", cells[:MOST_SHOWN])
    _make_json(task, "tokenizer_sample", {"bytes": sampled, "rates": rates})


def sample_of(task: "Task") -> Any:
    """What choose_rates decided: bytes and rates."""
    return json.loads(task.artifact("tokenizer_sample")[0].read())


def copies_in_sample(batch: pa.RecordBatch, rates: Rates, seed: int, copies: str | None) -> npt.NDArray[np.int64]:
    """How often each document is in the sample: once or not at all, unless a column `copies` says how often it counts.

    A document that counts c times at the rate r is in it floor(c * r) times, and once more with the rest as chance.
    """
    (domains, domain), (languages, language) = (_encoded(batch.column(name)) for name in ("domain", "language"))
    table = [[rates.get(one, {}).get(other, 0.0) for other in languages] for one in domains]
    rate = np.array(table).reshape(len(domains), len(languages))[domain, language]
    if copies:
        rate = rate * batch.column(copies).to_numpy()
    data, offsets = text_buffers(batch.column("id"))
    hashes = np.empty(batch.num_rows, np.uint64)
    hash_rows(data, offsets, np.uint64(seed & (1 << 64) - 1), hashes)
    whole = np.floor(rate)
    # 53 bits, which a float holds exactly: in [0, 1)
    chance = (hashes >> np.uint64(11)).astype(np.float64) / (1 << 53)
    taken: npt.NDArray[np.int64] = (whole + (chance < rate - whole)).astype(np.int64)
    return taken


def sampling_rates(sizes: Sizes, sample_bytes: int, weights: Weights | None) -> Rates:
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
        raise ConfigError(f"no {kind} of the corpus has a weight; it has {found}", ("train", "weights"))
    return {name: weight / total for name, weight in given.items()}


def _add_size(sizes: Sizes, domain: str, language: str, size: int) -> None:
    languages = sizes.setdefault(domain, {})
    languages[language] = languages.get(language, 0) + size


def _encoded(column: pa.Array) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The distinct names of a column, and the number of each row's."""
    names = column.fill_null(UNKNOWN).dictionary_encode()
    return names.dictionary.to_pylist(), names.indices.to_numpy(zero_copy_only=False)


def _make_json(task: "Task", artifact: str, value: Any) -> None:
    with task.make(artifact) as file:
        file.write(json.dumps(value).encode())
