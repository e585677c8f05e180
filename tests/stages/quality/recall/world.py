"""A small web for tests: sites on rings, in two vocabularies of which the seeds know one, among sites on all else."""

import json
import random
from pathlib import Path
from typing import Any

import yaml

from tests.engine import run_inline

KNOWN = ["ring", "ideal", "module", "prime", "noetherian", "exact", "sequence", "kernel", "functor"]
"""what the seeds speak of"""
OTHER = ["matroid", "lattice", "poset", "circuit", "rank", "flat", "hyperplane", "basis", "closure"]
"""what is wanted, too, and has no word in common with the seeds"""
REST = ["price", "basket", "delivery", "holiday", "recipe", "weather", "football", "hotel", "garden", "news", "ticket"]
SITES = {
    ("algebra.example", "/wiki/"): KNOWN + OTHER,
    ("algebra.example", "/shop/"): REST,
    ("rings.example", "/"): OTHER,
}
"""pages with other words than these are on `siteN.example`"""


def text(rng: random.Random, words: list[str], page: int) -> str:
    """40 words, or with both vocabularies, all of one or all of the other."""
    if words == KNOWN + OTHER:
        words = KNOWN if page % 2 else OTHER
    return " ".join(rng.choice([*words, "the", "of", "and"]) for _ in range(40)) + f" {rng.random()}"


def make_run(folder: Path, urls: bool = True) -> str:
    """A finished run over two files of such pages; its output."""
    rng = random.Random(5)
    pages = [
        (f"https://{host}{path}{page}.html", text(rng, words, page))
        for (host, path), words in SITES.items()
        for page in range(30)
    ]
    pages += [(f"http://site{page % 30}.example/a/{page}", text(rng, REST, page)) for page in range(600)]
    rng.shuffle(pages)
    for part in range(2):
        lines = [
            json.dumps({"id": f"{part}-{row}", "text": words, **({"url": url} if urls else {})})
            for row, (url, words) in enumerate(pages[part::2])
        ]
        (folder / f"{part}.jsonl").write_text("\n".join(lines) + "\n")
    source = {"name": "web", "format": "jsonl", "path": str(folder / "*.jsonl")}
    run_inline({"output": str(folder / "run"), "sources": [source], "stages": [{"exact_dedup": {}}]})
    return str(folder / "run")


def write_seeds(path: Path) -> str:
    """60 seeds, all of the known vocabulary."""
    rng = random.Random(6)
    path.write_text("".join(json.dumps({"text": text(rng, KNOWN, page)}) + "\n" for page in range(60)))
    return str(path)


def settings(run: str, seeds: str, output: Path, **more: Any) -> dict[str, Any]:
    """A recall's settings, with a small model."""
    model = {"dim": 8, "epochs": 15, "learning_rate": 0.5, "buckets": 1000, "min_count": 1, "word_ngrams": 1}
    values = {
        "run": run,
        "output": str(output),
        "seed": seeds,
        "rounds": 2,
        "model": model,
        "at_least": 0.5,
        "random": 100,
    }
    return {**values, **more}


def write_settings(path: Path, values: dict[str, Any]) -> Path:
    """A recall's config."""
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return path
