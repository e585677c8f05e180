"""The stage `cluster` in whole runs: groups, names, distances and semantic duplicates, against plain numpy."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from tests.engine import planned, rows_of, run_inline, tasks_run

TOPICS = {
    "science": ["theorem", "proof", "atom", "energy", "cell", "gene", "orbit", "quantum"],
    "cooking": ["salt", "oven", "butter", "onion", "recipe", "flour", "sugar", "pan"],
    "sports": ["goal", "match", "team", "score", "league", "coach", "pitch", "final"],
}


def config(folder: Path, cluster: dict[str, Any], documents: int = 240, **engine: Any) -> dict[str, Any]:
    """Documents of three topics in four files, some without a word, some too short for the stage before."""
    draw = random.Random(2)
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(4):
        with (folder / f"{shard}.jsonl").open("w") as file:
            for n in range(documents // 4):
                topic = draw.choice(["science", "science", "science", "cooking", "cooking", "sports"])
                words = [draw.choice(TOPICS[topic] + ["the", "of", "and"]) for _ in range(40)]
                text = {0: "- - - - -", 1: "x"}.get(n % 20, " ".join(words))
                file.write(json.dumps({"id": f"{topic}-{shard}-{n}", "text": text}) + "\n")
    return {
        "output": str(folder / "out"),
        "sources": [{"name": "s", "format": "jsonl", "path": f"{folder}/*.jsonl"}],
        "stages": [{"tests.toys.lengths": {"minimum": 5}}, {"embed": {}}, {"cluster": cluster}],
        "engine": {"kind": "inline", **engine},
    }


COLUMNS = ["id", "text", "reason", "embed", "cluster", "cluster.number", "cluster.distance"]


def test_topics_are_found_and_named(tmp_path: Path) -> None:
    values = config(tmp_path / "in", {"clusters": 3})
    result = run_inline(values)
    rows = rows_of(result, COLUMNS)
    names: dict[str, set[str]] = {}
    for row in rows:
        if row["reason"] or row["embed"] is None:
            assert row["cluster"] is row["cluster.number"] is row["cluster.distance"] is None
        else:
            names.setdefault(row["id"].split("-")[0], set()).add(row["cluster"])
            assert row["cluster"].startswith(f"{row['cluster.number']:02} ") and 0 <= row["cluster.distance"] < 2
    assert all(len(found) == 1 for found in names.values())
    for number, topic in enumerate(("science", "cooking", "sports"), 1):  # the largest first
        (name,) = names[topic]
        assert int(name[:2]) == number and set(name[3:].split(", ")) <= set(TOPICS[topic])
    (note,) = [phase.notes["clusters"] for phase in result.phases if "clusters" in phase.notes]
    assert sum(entry["documents"] for entry in note) == sum(row["cluster"] is not None for row in rows)
    # another threshold of duplicates looks for no clusters anew
    values["stages"][2]["cluster"]["duplicates_above"] = 0.99
    assert not {"cluster.centers", "cluster.assign", "documents"} & tasks_run(run_inline(values)).keys()


def test_stages_behind_take_the_clusters(tmp_path: Path) -> None:
    values = config(tmp_path / "in", {"clusters": 3})
    first = "01 orbit, theorem, cell"
    far = {"keep": {"far": f"cluster is null or cluster != '{first}' or cluster.distance < 1"}}
    values["stages"] += [{"where": far}, {"remix": {"by": "cluster", "multipliers": {first: 0.5}}}]
    rows = rows_of(run_inline(values), ["cluster", "cluster.distance", "reason", "remix.domain"])
    assert any(row["cluster"] == first for row in rows)
    for row in rows:
        if row["cluster"]:
            assert (row["reason"] == "where.far") == (row["cluster"] == first and row["cluster.distance"] >= 1)
            assert row["reason"] or row["remix.domain"] in (None, row["cluster"])
    assert {row["remix.domain"] for row in rows} > {row["cluster"] for row in rows if row["cluster"]}


def test_the_same_result_in_other_batches(tmp_path: Path) -> None:
    cluster = {"clusters": 5, "sample": 100, "duplicates_above": 0.8}
    one = rows_of(run_inline(config(tmp_path / "a", cluster)), COLUMNS)
    other = rows_of(run_inline(config(tmp_path / "a", cluster, batch_rows=7), output=str(tmp_path / "b")), COLUMNS)
    # the words that name a cluster are of some row groups
    assert [{**row, "cluster": None} for row in one] == [{**row, "cluster": None} for row in other]


@pytest.mark.parametrize("memory", ["64MB", "2GB"])
def test_semantic_duplicates_against_all_pairs(tmp_path: Path, memory: str) -> None:
    threshold = 0.8
    values = config(tmp_path / "in", {"clusters": 2, "duplicates_above": threshold}, memory=memory)
    rows = [row for row in rows_of(run_inline(values), COLUMNS) if row["cluster.number"] is not None]
    dropped = [row["reason"] is not None for row in rows]
    assert {row["reason"] for row in rows} == {None, "cluster.semantic_duplicate"}
    vectors = np.stack([np.frombuffer(row["embed"], np.int8) for row in rows]).astype(float)
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    alike = vectors @ vectors.T >= threshold
    kept: list[int] = []
    for n, row in enumerate(rows):
        # a corpus this small has a cell a cluster
        earlier = [k for k in kept if alike[n, k] and rows[k]["cluster.number"] == row["cluster.number"]]
        assert dropped[n] == bool(earlier), row["id"]
        kept += [] if earlier else [n]


@pytest.mark.parametrize("texts", [[], ["", "- -"], ["one text"], ["same words"] * 5, ["a b", "", "c d"]])
def test_fewer_documents_than_clusters(tmp_path: Path, texts: list[str]) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    source = {"name": "s", "format": "jsonl", "path": str(tmp_path / "in.jsonl")}
    stages = [{"embed": {}}, {"cluster": {"clusters": 4, "duplicates_above": 0.9}}]
    rows = rows_of(run_inline({"output": str(tmp_path / "out"), "sources": [source], "stages": stages}), COLUMNS[1:])
    assert [row["cluster"] is not None for row in rows] == [any(c.isalpha() for c in text) for text in texts]
    assert sum(row["reason"] is not None for row in rows) == (4 if len(texts) == 5 else 0)


def test_mistakes_are_told_before_any_work(tmp_path: Path) -> None:
    for of, said in (("vectors", "needs vectors, which no stage"), ("id", "id is string, no vectors")):
        with pytest.raises(InvalidConfigError, match=said):
            planned(config(tmp_path / "in", {"clusters": 3, "of": of}))
