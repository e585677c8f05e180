"""Ranks of several scores put together, against plain Python."""

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.stages.ensemble.stage import EnsembleConfig
from tests.engine import planned, rows_of, run_inline, tasks_run


def config(folder: Path, ensemble: dict[str, Any], rows: int = 400) -> dict[str, Any]:
    """Documents with two scores and a topic from their files; some have no score, some are too short."""
    draw = random.Random(3)
    folder.mkdir(exist_ok=True)
    for shard in range(3):
        with (folder / f"{shard}.jsonl").open("w") as file:
            for n in range(rows // 3):
                a = draw.choice([None, 0.5, round(draw.random(), 2)])
                row = {"id": f"{shard}-{n}", "text": "x" * draw.randint(1, 60), "a": a, "b": draw.gauss(0, 10)}
                file.write(json.dumps({**row, "topic": draw.choice(["x", "x", "y", None])}) + "\n")
    source = {"name": "s", "format": "jsonl", "path": f"{folder}/*.jsonl"}
    return {
        "output": str(folder / "out"),
        "sources": [{**source, "columns": {"a": "a", "b": "b", "topic": {"field": "topic", "type": "string"}}}],
        "stages": [{"tests.toys.lengths": {"minimum": 5}}, {"ensemble": ensemble}],
    }


def ranked(rows: list[dict[str, Any]], score: Any, within: list[str]) -> dict[str, float]:
    """The share of a group's bytes below each document's score, with half of what is equal."""
    groups: dict[tuple[Any, ...], list[tuple[float, int, str]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in within)].append((score(row), row["text_bytes"], row["id"]))
    found = {}
    for members in groups.values():
        total = sum(size for _, size, _ in members)
        for own, _, id in members:
            below = sum(size for value, size, _ in members if value < own)
            equal = sum(size for value, size, _ in members if value == own)
            found[id] = (below + equal / 2) / total
    return found


COLUMNS = ["id", "text_bytes", "a", "b", "topic", "reason", "ensemble", "ensemble.bucket"]


@pytest.mark.parametrize("within", [[], ["topic"]])
@pytest.mark.parametrize(
    ("how", "together"),
    [
        ({"how": "max"}, max),
        ({"how": "mean"}, lambda ranks: sum(ranks) / 2),
        ({"how": "weighted", "weights": [3, 1]}, lambda ranks: (3 * ranks[0] + ranks[1]) / 4),
    ],
)
def test_ranks_against_plain_python(tmp_path: Path, how: dict[str, Any], together: Any, within: list[str]) -> None:
    values = config(tmp_path / "in", {"of": ["a", "b"], "within": within, "buckets": 5, "keep_from": 2, **how})
    result = run_inline(values)
    rows = rows_of(result, COLUMNS)
    alive = [row for row in rows if row["reason"] in (None, "ensemble.low_bucket")]
    assert all(row["ensemble"] is None for row in rows if row not in alive) and len(alive) < len(rows)
    ranks = [ranked(alive, lambda row, name=name: -9e9 if row[name] is None else row[name], within) for name in "ab"]
    combined = {row["id"]: together([rank[row["id"]] for rank in ranks]) for row in alive}
    expected = ranked(alive, lambda row: round(combined[row["id"]], 4), within)
    for row in alive:
        assert row["ensemble"] == pytest.approx(expected[row["id"]], abs=0.02)
        assert row["ensemble.bucket"] == min(int(row["ensemble"] * 5 + 1e-6), 4) + 1
        assert (row["reason"] is not None) == (row["ensemble.bucket"] < 2)
    size = {b: sum(r["text_bytes"] for r in alive if r["ensemble.bucket"] == b) for b in range(1, 6)}
    assert max(size.values()) < 2 * min(size.values())  # a third of the scores in `a` is the same one
    values["stages"][1]["ensemble"]["keep_from"] = 3
    assert tasks_run(run_inline(values)) == {"ensemble.buckets": 3}


def test_mistakes_are_told_before_any_work(tmp_path: Path) -> None:
    for settings, said in (
        ({"of": ["a"], "how": "weighted"}, "go together"),
        ({"of": ["a"], "how": "weighted", "weights": [1, 2]}, "expected 1 numbers above 0"),
        ({"of": ["a"], "keep_from": 21}, "there are 20 buckets"),
        ({"of": ["a", "a"]}, "named twice"),
        ({"of": []}, "at least 1 item"),
    ):
        with pytest.raises(ValidationError, match=said):
            EnsembleConfig.model_validate(settings)
    for of, message in (
        ("quality.edu", "needs quality.edu, which no stage"),
        ("ensemble", "is what this stage makes"),
        ("topic", r"ensemble\.of\.0: topic is string, no number that documents can be ranked by"),
    ):
        with pytest.raises(InvalidConfigError, match=message):
            planned(config(tmp_path / "in", {"of": [of]}))
