"""The few texts of documents that are dropped early."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.report.verify import verify_run
from dspipe.pipeline.tasks import early_texts as module
from dspipe.pipeline.tasks.early_texts import MOST, USE, EarlyTexts
from tests.engine import run_inline
from tests.pipeline.inspection.looked_at import SHARDS, looked_at


class Kept:
    """A task that keeps what is written."""

    def __init__(self, texts: EarlyTexts) -> None:
        self.entries: list[dict[str, Any]] = [
            entry for _, kept in sorted(texts._kept.items()) for _, entry in sorted(kept.items())
        ]


def dropped(origins: list[int], texts: list[str], contents: list[bytes | None] | None = None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "origin": pa.array(origins, pa.uint64()),
            "text": pa.array(texts, pa.large_string()),
            "content": pa.array(contents or [None] * len(texts), pa.large_binary()),
        }
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=40), st.integers(1, 9))
def test_those_with_the_smallest_hashes_whatever_the_batches(reasons: list[str], size: int) -> None:
    origins = np.arange(len(reasons), dtype=np.uint64) * np.uint64(31)
    hashes = seeded_hashes(pa.array(origins), 0, USE)
    expected = {
        (reason, int(origins[row]))
        for reason in set(reasons)
        for row in sorted((n for n, r in enumerate(reasons) if r == reason), key=lambda n: int(hashes[n]))[:MOST]
    }
    kept = EarlyTexts()
    for start in range(0, len(reasons), size):
        rows = range(start, min(start + size, len(reasons)))
        batch = dropped([int(origins[row]) for row in rows], [f"text {row}" for row in rows])
        kept.add(batch, pa.array([reasons[row] for row in rows]))
        kept.add(batch.slice(1), pa.array([reasons[row] for row in rows], pa.string()).slice(1))  # halved, as it were
    assert {(entry["reason"], entry["origin"]) for entry in Kept(kept).entries} == expected
    assert all(entry["text"] == f"text {entry['origin'] // 31}" for entry in Kept(kept).entries)


def test_long_texts_pages_and_many_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = EarlyTexts()
    long = "é" * module.TEXT_BYTES
    kept.add(dropped([1, 2], ["", long], [b"<p>page", None]), pa.array(["x", "y"]))
    page, text = Kept(kept).entries
    assert (page["text"], page["extracted"], page["bytes"]) == ("<p>page", False, 7)
    assert (text["text"], text["extracted"], text["bytes"]) == (long[: len(long) // 2], True, 2 * len(long))
    monkeypatch.setattr(module, "MOST_REASONS", 2)
    for reason in ("c", "b", "a", "c"):
        kept.add(dropped([3], ["t"]), pa.array([reason]))
    assert [entry["reason"] for entry in Kept(kept).entries] == ["a", "b"]


def files(output: str) -> dict[str, list[str]]:
    """The checksums of what tasks wrote, by kind."""
    found: dict[str, list[str]] = {}
    for manifest in sorted(Path(output).glob("documents/*.manifest.json")):
        for file in json.loads(manifest.read_text())["files"]:
            data = (Path(output) / file["file"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == file["sha256"]
            found.setdefault(file["kind"], []).append(file["sha256"])
    return found


def test_a_file_of_the_text_pass_that_batches_do_not_change(tmp_path: Path) -> None:
    engine = {"kind": "inline", "max_quarantined": 1}
    config = looked_at(tmp_path, early=True)
    run_inline(config)
    kept = files(config["output"])[module.KIND]
    assert len(kept) == SHARDS
    run_inline({**config, "output": str(tmp_path / "again"), "engine": {**engine, "batch_rows": 3}})
    assert files(str(tmp_path / "again"))[module.KIND] == kept
    assert not verify_run(config["output"]).problems
    run_inline({**config, "output": str(tmp_path / "late"), "stages": looked_at(tmp_path)["stages"]})
    assert module.KIND not in files(str(tmp_path / "late"))
