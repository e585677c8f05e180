"""A run to look at: documents of 1 to 60 words in three shards, judged by their words, and copies."""

import json
from pathlib import Path
from typing import Any

from dspipe.stages.heuristics.gopher import Gopher

SHARDS, DOCUMENTS = 3, 40
OFF = {rule.threshold: None for rule in Gopher.RULES}


def looked_at(tmp_path: Path, early: bool = False, **changed: Any) -> dict[str, Any]:
    """Its config. Document i of a shard has 1 + i * 1.5 words; every eighth is English, the others are Chinese by name;
    one of each shard is a bad record."""
    (tmp_path / "in").mkdir(exist_ok=True)
    for shard in range(SHARDS):
        lines = [json.dumps(document(shard, row)) for row in range(DOCUMENTS)] + ['{"id": 7, "text"']
        (tmp_path / "in" / f"{shard}.jsonl").write_text("\n".join(lines) + "\n")
    source = {"name": "s", "format": "jsonl", "path": str(tmp_path / "in" / "*.jsonl")}
    rules = {"rules": ["gopher"], "gopher": {**OFF, "min_words": 20}, "early": early}
    stages: list[Any] = [{"heuristics": rules}, "exact_dedup"]
    engine = {"kind": "inline", "max_quarantined": 1}
    return {"output": str(tmp_path / "out"), "sources": [source], "stages": stages, "engine": engine, **changed}


def document(shard: int, row: int) -> dict[str, Any]:
    """The last documents of the shards are copies."""
    words = 1 + row * 3 // 2
    text = " ".join(f"word{n}x{0 if row > 36 else shard}" for n in range(words))
    language = "en" if row % 8 == 0 else "de"
    return {
        "id": f"{shard}-{row}",
        "text": text,
        "domain": f"d{row % 2}",
        "url": f"http://h/{row}",
        "language": language,
    }
