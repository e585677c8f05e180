"""Runs that the tests of executors share: the same bytes, and documents that kill workers."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.engine import rows_of, run_inline
from tests.pipeline.run.test_run import config, corpus

SHARDS = [
    [f"document {shard} {row} of many" if row % 3 else f"shared {row}" for row in range(40)] for shard in range(7)
]


def hashes(folder: str) -> dict[str, str]:
    """sha256 of every data file below a run's output, by phase and what is independent of the place of the input."""
    root = Path(folder)
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.suffix in (".parquet", ".exchange") or path.name == "report.json"
    }


def make_many(tmp_path: Path) -> dict[str, Any]:
    """A config over seven shards."""
    corpus(tmp_path / "in", SHARDS)
    return config(tmp_path)


def kill_workers(kind: str, tmp_path: Path) -> None:
    """Two documents kill their workers: they are left out, and the run ends well."""
    texts = [f"document {row}" for row in range(30)]
    texts[17] = "KILL the worker"
    texts[23] = "KILL another"
    corpus(tmp_path / "in", [["a good shard", "of two"], texts])
    values = config(tmp_path)
    result = run_inline(values, engine={"kind": kind, "workers": 2, "retries": 0, "batch_rows": 4})
    ids = [row["id"] for row in rows_of(result, ["id"])]
    assert ids == ["0-0", "0-1", *[f"1-{row}" for row in range(30) if row not in (17, 23)]]
    (quarantine,) = Path(result.store.path("documents")).glob("*.quarantine.jsonl")
    entries = [json.loads(line) for line in quarantine.read_text().splitlines()]
    assert [entry["id"] for entry in entries] == ["1-17", "1-23"]
    assert "a worker process ended on this document" in entries[0]["error"]
