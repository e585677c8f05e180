"""What runs again when a shard is added to many: what reads it, and what was sent something else because of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine import run_inline, tasks_run

SHARDS = 50


def write_shard(folder: Path, number: int) -> None:
    """Six documents: one that is in every shard, one that is nearly in the shard before, and others."""
    rng = np.random.default_rng(number // 2)
    pages = [" ".join(f"w{word}" for word in rng.integers(0, 5000, 60)) for _ in range(5)]
    if number % 2:
        pages = [pages[0] + " and a word", *(f"{page} {number} " * 3 for page in pages[1:])]
    lines = [json.dumps({"text": text, "url": f"http://h{number}/{row}"}) for row, text in enumerate(["same", *pages])]
    (folder / f"{number:05d}.jsonl").write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A run over SHARDS shards that has ended."""
    for stage in ("exact_dedup", "minhash"):
        monkeypatch.setattr(f"dspipe.stages.{stage}.stage.partitions_for", lambda corpus, size: 8)
    (tmp_path / "in").mkdir()
    for number in range(SHARDS):
        write_shard(tmp_path / "in", number)
    config = {
        "output": str(tmp_path / "out"),
        "sources": [{"name": "made", "format": "jsonl", "path": f"{tmp_path}/in/*.jsonl", "root": "/"}],
        "stages": [
            {"exact_dedup": {}},
            {"minhash": {}},
            {"remix": {}},
            {"tests.toys.tokenizer": {}},
            {"pack": {"length": 64}},
        ],
    }
    run_inline(config)
    return config


def test_it(config: dict[str, Any], tmp_path: Path) -> None:
    write_shard(tmp_path / "in", SHARDS)
    r = run_inline(config)
    print(tasks_run(r), r.tasks_run, sum(p.tasks for p in r.phases))
    assert 0
