"""Labels of a classifier with any number of classes, against the fastText library's own."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.document import document_batch
from dspipe.stages.label.stage import LabelConfig, LabelStage
from dspipe.testing import check_stage
from tests.engine import planned, rows_of, run_inline

TOPICS = {
    "science": ["theorem", "proof", "atom", "energy", "cell"],
    "cooking": ["salt", "oven", "butter", "onion", "recipe"],
    "sports": ["goal", "match", "team", "score", "league"],
}


def a_text(topic: str, draw: random.Random) -> str:
    return " ".join(draw.choices(TOPICS[topic] + ["the", "of", "and"], k=30))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import fasttext

    folder, draw = tmp_path_factory.mktemp("label"), random.Random(1)
    lines = [f"__label__{topic} {a_text(topic, draw)}\n" for topic in TOPICS for _ in range(100)]
    (folder / "train.txt").write_text("".join(lines))
    # with fewer than 11 threads the package leaves part of the matrix uninitialized (DenseMatrix::uniformThread)
    options = {"dim": 10, "epoch": 25, "lr": 0.1, "bucket": 1000, "wordNgrams": 2, "thread": 11, "verbose": 0}
    fasttext.train_supervised(str(folder / "train.txt"), **options).save_model(str(folder / "topics.bin"))
    return folder / "topics.bin"


def config(tmp_path: Path, stages: list[dict[str, Any]]) -> dict[str, Any]:
    draw = random.Random(2)
    with (tmp_path / "in.jsonl").open("w") as file:
        for n in range(60):
            topic = list(TOPICS)[n % 3]
            file.write(json.dumps({"id": f"{topic}-{n}", "text": a_text(topic, draw) if n else " "}) + "\n")
    source = {"name": "s", "format": "jsonl", "path": str(tmp_path / "in.jsonl"), "domain": "web"}
    return {"output": str(tmp_path / "out"), "sources": [source], "stages": stages}


def test_labels_are_the_librarys(model: Path) -> None:
    texts = [a_text(topic, random.Random(n)) for n in range(20) for topic in TOPICS] + ["salt goal atom", "", "zzz"]
    stage = LabelStage("topic", LabelConfig.model_validate({"model": str(model), "name": "topic"}))
    found = stage.measure(document_batch(texts))
    import fasttext

    library = fasttext.load_model(str(model))
    for text, label, score in zip(texts, found.column("topic"), found.column("topic.score"), strict=True):
        ((named,), (probability,)) = library.predict(text)
        if label.as_py() is not None:
            assert (f"__label__{label}", score.as_py()) == (named, pytest.approx(float(probability), abs=1e-5))


def test_it_stands_twice_and_what_is_unsure_is_called_otherwise(tmp_path: Path, model: Path) -> None:
    stages: list[dict[str, Any]] = [
        {"label": {"name": "topic", "model": str(model)}},
        {"label": {"name": "sure", "model": str(model), "at_least": 0.9, "otherwise": "unsure"}},
    ]
    rows = rows_of(run_inline(config(tmp_path, stages)), ["id", "topic", "topic.score", "sure", "sure.score"])
    for row in rows[1:]:
        assert row["id"].startswith(row["topic"])
        assert row["sure"] == (row["topic"] if row["topic.score"] >= 0.9 else "unsure")
        assert row["sure.score"] == row["topic.score"]


def test_other_stages_are_for_some_labels_only(tmp_path: Path, model: Path) -> None:
    label: dict[str, Any] = {"label": {"name": "topic", "model": str(model)}}

    def dropped(**settings: Any) -> list[str]:
        values = config(tmp_path, [label, {"tests.toys.marks": {"mark": "a", "at_most": 0, **settings}}])
        rows = rows_of(run_inline(values), ["id", "topic", "reason"])
        return sorted({row["topic"] for row in rows if row["reason"] == "marks.too_many"})

    assert dropped() == ["cooking", "science", "sports"]
    assert dropped(domains={"topic": ["science", "sports"]}) == ["science", "sports"]
    assert dropped(domains={"topic": ["science", "sports"], "domain": ["web"]}) == ["science", "sports"]
    with pytest.raises(
        InvalidConfigError, match="marks is for the topic sport, a label the model hasn't; did you mean"
    ):
        dropped(domains={"topic": ["sport"]})
    with pytest.raises(
        InvalidConfigError, match=r"domains.topics: no source and no stage before .* did you mean topic\?"
    ):
        dropped(domains={"topics": ["sports"]})
    with pytest.raises(InvalidConfigError, match=r"domains.topic\.score: topic.score is float, not text"):
        dropped(domains={"topic.score": ["0.5"]})
    rewriting: list[dict[str, Any]] = [{"pii": {"domains": {"topic": ["science"]}}}, label]
    with pytest.raises(InvalidConfigError, match="no stage before this one makes the column topic"):
        planned(config(tmp_path, rewriting))
    run_inline(config(tmp_path, rewriting[::-1]))


def test_mistakes_are_told_before_any_work(tmp_path: Path, model: Path) -> None:
    def said(**settings: Any) -> str:
        with pytest.raises(InvalidConfigError) as error:
            planned(config(tmp_path, [{"label": {"model": str(model), **settings}}]))
        return str(error.value)

    assert "the model doesn't have art; the model has sports besides" in said(labels=["science", "cooking", "art"])
    assert "no label is below at_least: 0" in said(otherwise="x")
    assert "no model file" in said(model="nothing.bin")


def test_the_stages_contract(model: Path) -> None:
    check_stage(LabelStage, {"model": str(model), "at_least": 0.4})


@pytest.mark.parametrize(
    ("remix", "message"),
    [
        ({"by": "topic", "weights": {"science": 0.5, "scince": 0.5}}, "no document can have the topic scince"),
        ({"by": ["topic", "domain"], "multipliers": {"law | web": 2}}, "no document can have the topic law"),
        ({"by": "topic", "weights": "olmo3_topics"}, "no document can have the topic adult_content"),
    ],
)
def test_weights_of_labels_that_the_model_has_not(
    model: Path, tmp_path: Path, remix: dict[str, Any], message: str
) -> None:
    label = {"label": {"name": "topic", "model": str(model)}}
    with pytest.raises(InvalidConfigError, match=message):
        planned(config(tmp_path, [label, {"remix": remix}]))
    planned(config(tmp_path, [label, {"remix": {"by": "topic", "weights": {"science": 0.5, "unknown": 0.5}}}]))
    tail = {"min_tokens": 10, "into": "rest"}
    planned(config(tmp_path, [label, {"remix": {"by": "topic", "weights": {"rest": 1}, "tail": tail}}]))
