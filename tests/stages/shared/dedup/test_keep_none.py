"""`keep: none`: every document goes that has a copy."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.inspection.explain import explain
from dspipe.pipeline.run.run_file import read_run
from tests.engine import artifact_files, rows_of, run_inline
from tests.kernels.dedup.test_exact_pairs import share_slowly
from tests.stages.dedup_corpus import Shards, corpus, deduplicating, words
from tests.stages.minhash.test_exact import sets_of

COLUMNS = ("keeper", "cluster", "cluster_size", "similarity", "duplicates", "dumps")


def gone(directory: Path, shards: Shards, stage: str, **settings: Any) -> dict[str, dict[str, Any]]:
    """By id the documents that are dropped; each names another that it is like, and nobody a copy that is kept."""
    config = deduplicating(directory, shards, stage, keep="none", **settings)
    rows = rows_of(run_inline(config), ["id", "reason", *(f"{stage}.{name}" for name in COLUMNS)])
    numbers = [shard << 32 | row for shard, part in enumerate(shards.values()) for row in range(len(part))]
    by_number = dict(zip(numbers, rows, strict=True))
    for number, row in by_number.items():
        assert row[f"{stage}.duplicates"] is None and row[f"{stage}.dumps"] is None
        keeper = row[f"{stage}.keeper"]
        assert (keeper is None) == (row["reason"] is None) == (row[f"{stage}.similarity"] is None)
        if keeper is not None:
            assert keeper != number and by_number[keeper]["reason"] is not None
            assert by_number[keeper][f"{stage}.cluster"] == row[f"{stage}.cluster"]
    return {row["id"]: row for row in rows if row["reason"] is not None}


@pytest.mark.parametrize("shards", [1, 3])
def test_of_a_text_that_is_there_twice_nothing_stays(tmp_path: Path, shards: int) -> None:
    texts = ["a", "b", "a ", "c", "d", "b", "a", "e"]
    parts: Shards = {f"d{shard}": [] for shard in range(shards)}
    for place, text in enumerate(texts):
        parts[f"d{place % shards}"].append({"id": f"{place}{text.strip()}", "text": text})
    rows = gone(tmp_path, parts, "exact_dedup")
    assert sorted(rows) == ["0a", "1b", "2a", "5b", "6a"]
    assert {row["reason"] for row in rows.values()} == {"exact_dedup.duplicate"}
    assert {id: row["exact_dedup.cluster_size"] for id, row in rows.items()} == {
        id: 3 if id.endswith("a") else 2 for id in rows
    }


def test_by_address_and_then_by_text(tmp_path: Path) -> None:
    shards: Shards = {
        "d0": [{"id": "a", "url": "http://x", "text": "1"}, {"id": "b", "url": "https://x/", "text": "2"}],
        "d1": [{"id": "c", "text": "2"}, {"id": "d", "text": "3"}, {"id": "e", "text": "3"}],
    }
    config = deduplicating(tmp_path, shards, "exact_dedup", keep="none", by=["url", "text"])
    rows = rows_of(run_inline(config), ["id", "reason"])
    assert [row["reason"] for row in rows] == ["exact_dedup.same_url"] * 2 + [None] + ["exact_dedup.duplicate"] * 2


@pytest.mark.parametrize("verify", ["signature", "exact"])
def test_everyone_goes_that_resembles_another(tmp_path: Path, verify: str) -> None:
    shards = corpus(4)
    minhash = {"threshold": 0.7, "bands": 28, "rows": 4, "permutations": 512}
    rows = gone(tmp_path, shards, "minhash", verify=verify, **minhash)
    sets = sets_of(shards)
    expected = {a for a in sets for b in sets if a != b and share_slowly(sets[a], sets[b], 0.7, 0.0)}
    if verify == "exact":
        assert set(rows) == expected
    else:
        assert len(set(rows) ^ expected) < 0.1 * len(expected)
    assert len(expected) > 100


@pytest.mark.parametrize("verify", ["signature", "exact"])
def test_the_end_of_a_chain_goes_though_it_resembles_no_best_copy(tmp_path: Path, verify: str) -> None:
    rng = np.random.default_rng(6)
    link = words(rng, 200)
    texts = []
    for step in range(3):
        texts.append(" ".join(link))
        link = [*(f"new{step}x{n}" for n in range(20)), *link[:180]]
    shards: Shards = {"d0": [{"id": str(n), "text": text} for n, text in enumerate(texts)]}
    assert sorted(gone(tmp_path, shards, "minhash", verify=verify, threshold=0.75, permutations=512)) == ["0", "1", "2"]


@pytest.mark.parametrize("stage", ["exact_dedup", "minhash", "exact"])
def test_within_each_dump_and_large_clusters_across(tmp_path: Path, stage: str) -> None:
    rng = np.random.default_rng(12)
    often, twice = " ".join(words(rng, 60)), " ".join(words(rng, 60))
    shards: Shards = {
        "d0": [{"id": "o0", "text": often}, {"id": "t0", "text": twice}],
        "d1": [{"id": "o1", "text": often}, {"id": "t1", "text": twice}, {"id": "t2", "text": twice}],
        "d2": [{"id": "o2", "text": often}, {"id": "o3", "text": often}],
    }
    settings = {"verify": "exact"} if stage == "exact" else {}
    for name, expected in {
        "global": {"o0", "o1", "o2", "o3", "t0", "t1", "t2"},
        "per_dump": {"t1", "t2", "o2", "o3"},
        "large": {"o0", "o1", "o2", "o3", "t1", "t2"},
    }.items():
        (tmp_path / name).mkdir()
        scope = {"scope": "per_dump", "min_cluster": 4} if name == "large" else {"scope": name}
        config = deduplicating(
            tmp_path / name, shards, stage.replace("exact", "minhash") if stage == "exact" else stage,
            keep="none", **scope, **settings,
        )  # fmt: skip
        rows = rows_of(run_inline(config), ["id", "reason"])
        assert {row["id"] for row in rows if row["reason"]} == expected, (stage, name)


def test_explain_and_report(tmp_path: Path) -> None:
    documents = [{"id": "first", "text": "a b c"}, {"id": "second", "text": "a b c"}, {"id": "third", "text": "other"}]
    result = run_inline(deduplicating(tmp_path, {"d0": documents}, "exact_dedup", keep="none"))
    store, run = read_run(result.store.root)
    (first,), (second,) = explain(store, run, "first"), explain(store, run, "second")
    assert first.verdict() == "dropped by exact_dedup.verdicts: exact_dedup.duplicate"
    for story, other in ((first, "second"), (second, "first")):
        (copy,) = story.kept_copies
        assert (copy.round, copy.id, copy.reason) == ("exact_dedup", other, "exact_dedup.duplicate")
    (file,) = artifact_files(result, "exact_dedup.report")
    report = json.loads(file.read_text())
    assert report["by source"] == [{"source": "d0", "documents": 3, "dropped": 2, "share": 0.6667}]
    assert report["largest clusters"] == [{"documents": 2, "id": "first", "url": None}]
