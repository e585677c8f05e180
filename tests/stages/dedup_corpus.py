"""Small corpora with copies and near-copies, and runs over them, for tests of deduplication."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.engine import run_inline

Shards = dict[str, list[dict[str, Any]]]


def write_corpus(directory: Path, shards: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Files of JSON lines, and the sources that read them: one dump per shard, in the order of their names."""
    sources = []
    for name, documents in shards.items():
        (directory / f"{name}.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))
        sources.append({"name": name, "format": "jsonl", "path": str(directory / f"{name}.jsonl"), "dump": name})
    return sources


def words(rng: np.random.Generator, count: int) -> list[str]:
    return [f"w{number}" for number in rng.integers(0, 5000, count)]


def corpus(seed: int = 1, shards: int = 4, families: int = 25) -> dict[str, list[dict[str, Any]]]:
    """Families of edited copies spread over shards, some of them long chains, among documents of their own."""
    rng = np.random.default_rng(seed)
    texts: list[list[str]] = [words(rng, int(rng.integers(1, 120))) for _ in range(120)]
    for family in range(families):
        current = words(rng, 100)
        for _ in range(int(rng.integers(1, 12))):
            texts.append(list(current))
            source = current if family % 2 else texts[-1].copy()
            for place in rng.integers(0, 100, int(rng.integers(0, 7))):
                source[place] = f"edit{rng.integers(0, 1000)}"
            current = source
    texts += [[], [], ["…"], ["short", "text"], ["short", "text"], ["Short,", "text!"]]
    order = rng.permutation(len(texts))
    parts: dict[str, list[dict[str, Any]]] = {f"d{shard}": [] for shard in range(shards)}
    for place, text in enumerate(order):
        url = f"https://host{text % 5}.example/{text}"
        document = {"id": f"t{text}", "text": " ".join(texts[text]), "url": url}
        parts[f"d{place * shards // len(order)}"].append(document)
    return parts


def run_dump(tmp_path: Path, name: str, documents: list[dict[str, Any]], stage: str, **settings: Any) -> Any:
    """Deduplicate one dump in a directory of its own."""
    (tmp_path / name).mkdir(exist_ok=True)
    return run_inline(
        {
            "name": name,
            "output": str(tmp_path / name / "run"),
            "sources": write_corpus(tmp_path / name, {name: documents}),
            "stages": [{stage: {"index": True, **settings}}],
        }
    )


def deduplicating(tmp_path: Path, shards: Shards, stage: str, **settings: Any) -> dict[str, Any]:
    """The config of a run of one stage."""
    sources = write_corpus(tmp_path, shards)
    return {"output": str(tmp_path / "run"), "sources": sources, "stages": [{stage: settings}]}
