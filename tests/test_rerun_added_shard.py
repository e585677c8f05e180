"""What runs again when a shard is added to many: what reads it, and what was sent something else because of it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.run.run import RunResult
from tests.engine import artifact_files, rows_of, run_inline, tasks_run

SHARDS = 50
RESULTS = ("token_ids", "tokenizer", "mixture", "shards", "tail", "index", "minhash.report", "exact_dedup.report")


def write_shard(folder: Path, number: int) -> None:
    """Five documents of its own, of which an odd shard shares most words with the even one before; every 25th has a
    sixth, which is the same in all of them."""
    rng = np.random.default_rng(number // 2)
    pages = [" ".join(f"w{word}" for word in rng.integers(0, 5000, 60)) for _ in range(5)]
    if number % 2:
        pages = [pages[0] + " and a word", *(f"{page} {number} " * 3 for page in pages[1:])]
    if number % 25 == 0:
        pages.append("same")
    lines = [json.dumps({"text": text, "url": f"http://h{number}/{row}"}) for row, text in enumerate(pages)]
    (folder / f"{number:05d}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def config(folder: Path, monkeypatch: pytest.MonkeyPatch, numbers: Iterable[int]) -> dict[str, Any]:
    """The config of a run over shards with these numbers."""
    for stage in ("exact_dedup", "minhash"):
        monkeypatch.setattr(f"dspipe.stages.{stage}.stage.partitions_for", lambda corpus, size: 4)
    (folder / "in").mkdir()
    for number in numbers:
        write_shard(folder / "in", number)
    return {
        "output": str(folder / "out"),
        "sources": [{"name": "made", "format": "jsonl", "path": "*.jsonl", "root": f"{folder}/in/"}],
        "stages": [
            {"exact_dedup": {}},
            {"minhash": {}},
            {"remix": {}},
            {"tests.toys.tokenizer": {}},
            {"pack": {"length": 64}},
        ],
    }


def results(result: RunResult) -> dict[str, list[bytes]]:
    """What a run is made for: the contents of the files of artifacts, by name."""
    return {name: [file.read_bytes() for file in artifact_files(result, name)] for name in RESULTS}


def test_a_shard_more_runs_what_is_sent_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = config(tmp_path, monkeypatch, range(SHARDS))
    before = run_inline(given)
    write_shard(tmp_path / "in", SHARDS)
    ran = tasks_run(run_inline(given))
    # the sixth document's cluster has grown: its members, in three shards, are told
    assert ran.pop("exact_dedup.verdicts") == 3
    # the table of shares and the one shard of packed rows are of all documents
    once = ("exact_dedup.report", "minhash.report", "remix.plan", "pack.rows", "pack.tail", "pack.index")
    assert [ran.pop(phase) for phase in once] == [1] * len(once)
    # a document in about each partition
    assert 0 < ran.pop("exact_dedup.group") <= 4 and ran.pop("minhash.candidates") == 4
    # all others: the new shard's own task
    assert set(ran.values()) == {1}
    assert sum(phase.tasks for phase in before.phases) > 500


@pytest.mark.parametrize(
    ("numbers", "then", "merge_above"),
    [((0, 1, 2, 5), (0, 1, 2, 5, 6), 1 << 20), ((2, 3, 25), (1, 2, 3, 25), 1), ((0, 1, 2, 25, 50), (0, 1, 25, 50), 1)],
    ids=["added behind", "added before, merged", "taken out, merged"],
)
def test_the_bytes_are_those_of_a_fresh_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    numbers: tuple[int, ...],
    then: tuple[int, ...],
    merge_above: int,
) -> None:
    given = config(tmp_path, monkeypatch, numbers)
    given["engine"] = {"kind": "inline", "merge_above": merge_above}
    run_inline(given)
    for path in (tmp_path / "in").iterdir():
        path.unlink()
    for number in then:
        write_shard(tmp_path / "in", number)
    again = run_inline(given)
    assert 0 < again.tasks_run < sum(phase.tasks for phase in again.phases)
    fresh = run_inline({**given, "output": str(tmp_path / "fresh")})
    assert rows_of(again, ["id", "reason", "copies"]) == rows_of(fresh, ["id", "reason", "copies"])
    assert results(again) == results(fresh)
    assert len(results(again)["shards"]) > 1
