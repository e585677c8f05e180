"""Remix by quality in the engine, against plain Python."""

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import RunFailedError
from tests.engine import rows_of, run_inline
from tests.stages.pack.runs import make_config

TOPICS = ["law", "law", "games", "games", "games", "travel"]


def make_documents(count: int = 900, scores: Any = None) -> list[dict[str, Any]]:
    """Documents of three topics with a score, of which some are equal and some missing."""
    draw = random.Random(11)
    return [
        {
            "id": f"{number}",
            "topic": TOPICS[number % 6],
            "score": draw.choice([0.5, round(draw.random(), 3), draw.random()]) if scores is None else scores(number),
            "text": "x" * draw.randint(1, 60),
        }
        for number in range(count)
    ]


def config(folder: Path, documents: list[dict[str, Any]], **remix: Any) -> dict[str, Any]:
    files = remix.pop("files", 3)
    values = make_config(folder, documents, files, remix=remix, length=64)
    columns = {"topic": {"field": "topic", "type": "string"}, "score": "score"}
    values["sources"][0]["columns"] = columns
    return values


COLUMNS = ["id", "topic", "score", "copies", "tokens", "reason", "remix.domain"]


def run(values: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    rows = rows_of(run_inline(values), COLUMNS)
    return rows, json.loads((Path(values["output"]) / "mixture.json").read_text())


def expected_epochs(rows: list[dict[str, Any]], highest: float, power: float, below: float, top: float) -> list[float]:
    """The epochs of each row of one domain: the mean of the curve over the part that its score takes up."""
    total, found, steps = sum(row["tokens"] for row in rows), [], 400
    for row in rows:
        lower = sum(other["tokens"] for other in rows if other["score"] < row["score"]) / total
        equal = sum(other["tokens"] for other in rows if other["score"] == row["score"]) / total
        places = [lower + equal * (step + 0.5) / steps for step in range(steps)]
        parts = [min((place - below) / (1 - top - below), 1) for place in places if place >= below]
        found.append(sum(highest * part**power for part in parts) / steps)
    return found


def test_copies_follow_the_curve(tmp_path: Path) -> None:
    curve = {"of": "score", "drop_below": 0.4, "top": 0.05, "max_epochs": 7}
    weights = {"law": 0.6, "games": 0.3, "travel": 0.1}
    rows, plan = run(config(tmp_path, make_documents(), by="topic", weights=weights, tokens=30_000, curve=curve))
    by_topic: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        assert row["remix.domain"] == row["topic"] and (row["copies"] == 0) == (row["reason"] == "remix.not_drawn")
        by_topic[row["topic"]].append(row)
    for domain in plan["domains"]:
        own = by_topic[domain["domain"]]
        found = domain["curve"]
        epochs = expected_epochs(own, found["highest"], found["power"], 0.4, 0.05)
        drawn = sum(row["copies"] * row["tokens"] for row in own)
        wanted = 30_000 * weights[domain["domain"]]
        assert domain["tokens_drawn"] == pytest.approx(wanted, abs=1)
        assert sum(e * row["tokens"] for e, row in zip(epochs, own, strict=True)) == pytest.approx(wanted, rel=0.005)
        assert abs(drawn - wanted) <= domain["may_miss_by"] < wanted / 3
        for row, e in zip(own, epochs, strict=True):
            near = 0.02  # of the plain integration
            assert int(e - near if e > near else 0) <= row["copies"] <= int(e + near) + 1
        assert found["scored"] == len(own) and found["drop_below"] < found["top"] <= 1
    # law needs more than a domain at 2.4 epochs of the mean does: the top is at the cap
    law = next(domain for domain in plan["domains"] if domain["domain"] == "law")
    assert law["curve"]["highest"] == (7 if law["epochs"] > 1.633 else law["curve"]["highest"])
    assert law["bound_by"] == "as asked"


def test_the_same_over_batches_and_shards(tmp_path: Path) -> None:
    settings = {"by": "topic", "curve": {"of": "score"}, "unimax": True}
    rows, plan = run(config(tmp_path / "a", make_documents(300), **settings))
    values = config(tmp_path / "b", make_documents(300), **settings)
    values["engine"] = {"batch_rows": 7}
    again, same = run(values)
    assert again == rows and same == plan
    assert (tmp_path / "a/run/mixture.json").read_bytes() == (tmp_path / "b/run/mixture.json").read_bytes()
    _, other = run(config(tmp_path / "c", make_documents(300), files=2, **settings))
    assert other == plan


def test_pairs_and_a_tail_by_name(tmp_path: Path) -> None:
    documents = make_documents(300, scores=lambda number: number % 2)
    settings = {"by": ["topic", "score"], "tail": {"min_tokens": 2000, "into": "small"}}
    rows, plan = run(config(tmp_path, documents, **settings))
    names = {domain["domain"] for domain in plan["domains"]}
    assert plan["by"] == "topic | score" and {"games | 0", "small"} <= names
    for row in rows:
        pair = f"{row['topic']} | {row['score']:g}"
        assert row["remix.domain"] == plan["merged"].get(pair, pair)
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        sums[f"{row['topic']} | {row['score']:g}"] += row["tokens"]
    assert set(plan["merged"]) == {pair for pair, tokens in sums.items() if tokens < 2000}


@pytest.mark.parametrize(
    ("scores", "settings", "message"),
    [
        (lambda _: None, {}, "score is null for all 60 documents of all domains"),
        (
            lambda number: None if TOPICS[number % 6] == "law" else 0.5,
            {},
            "score is null for all 20 documents of law that are kept, so no curve can follow it",
        ),
        (None, {"tokens": 1e6, "weights": {"law": 0.5, "games": 0.5}, "others": "drop"}, "in 4 epochs are"),
        (None, {"curve": {"of": "score", "max_epochs": 2}, "min_tokens": {"law": 1e5}}, "in 1.2 epochs are"),
        (None, {"weights": {"law": 0.5, "sports": 0.5}, "others": "drop"}, "no document of domain 'sports'"),
        (None, {"min_tokens": {"travel": 5}, "tail": {"min_tokens": 1e5}}, "'travel' is too small to stand alone"),
    ],
)
def test_what_cannot_be_ends_the_run(tmp_path: Path, scores: Any, settings: dict[str, Any], message: str) -> None:
    values = {"by": "topic", "curve": {"of": "score"}, **settings}
    with pytest.raises(RunFailedError, match=message) as caught:
        run(config(tmp_path, make_documents(60, scores), **values))
    assert caught.value.user


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"curve": {"of": "scor"}}, "there is no column scor; did you mean score"),
        ({"curve": {"of": "topic"}}, "topic is string, no number"),
        ({"curve": {}}, "of"),
        ({"by": ["topic", "score"], "weights": {"law": 1}}, "'law' is no domain by topic, score"),
        ({"weights": "olmo4"}, "no weights called 'olmo4'; there are olmo3_topics"),
    ],
)
def test_what_is_seen_before_any_work(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        run(config(tmp_path, make_documents(6), **{"by": "topic", **settings}))
