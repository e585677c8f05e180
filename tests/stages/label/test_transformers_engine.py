"""Transformers as judges, against plain lines of the library."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.document import document_batch
from dspipe.stages.label.stage import LabelConfig, LabelStage
from dspipe.testing import check_stage
from tests.engine import planned, rows_of, run_inline
from tests.stages.label.tiny_models import TOPICS, a_text, write_model

torch = pytest.importorskip("torch", reason="needs the extra `transformers`")
transformers = pytest.importorskip("transformers", reason="needs the extra `transformers`")
LABELS = list(TOPICS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "topics", LABELS)


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "grade", ["LABEL_0"])


def judged(texts: list[str], model: Path, **settings: Any) -> Any:
    values = {"engine": "transformers", "model": str(model), "window_tokens": 64, "device": "cpu", **settings}
    return LabelStage("topic", LabelConfig.model_validate(values)).measure(document_batch(texts))


def plain_logits(texts: list[str], model: Path, **truncation: Any) -> Any:
    """One text at a time, as the library's own examples do it."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(model), **truncation)
    network = transformers.AutoModelForSequenceClassification.from_pretrained(str(model)).eval()
    found = []
    with torch.no_grad():
        for text in texts:
            given = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
            given.pop("token_type_ids", None)
            found.append(network(**given).logits[0].double())
    return torch.stack(found)


def texts_of(count: int, words: int = 30) -> list[str]:
    draw = random.Random(5)
    return [a_text(LABELS[n % 3], draw, draw.randrange(1, 2 * words)) for n in range(count)]


def test_labels_are_the_librarys(model: Path) -> None:
    texts = texts_of(40, 60)
    found = judged([*texts, "", " \n"], model)
    shares = plain_logits(texts, model).softmax(dim=1)
    expected = [LABELS[n] for n in shares.argmax(dim=1).tolist()]
    assert found.column("topic").to_pylist() == [*expected, None, None]
    scores = found.column("topic.score").to_pylist()
    assert scores[-2:] == [None, None]
    assert scores[:-2] == pytest.approx(shares.max(dim=1).values.tolist(), abs=1e-5)
    right = sum(topic == LABELS[n % 3] for n, topic in enumerate(expected))
    assert right > 30, "what a few steps have taught"


@pytest.mark.parametrize("join", ["mean", "max"])
def test_windows_are_joined(model: Path, join: str) -> None:
    draw = random.Random(6)
    texts = [a_text("science", draw, 200) + " " + a_text("sports", draw, 200) for _ in range(5)]
    found = judged(texts, model, windows=["start", "end"], join=join)
    both = torch.stack([plain_logits(texts, model, truncation_side=side).softmax(1) for side in ("right", "left")])
    joined = both.mean(dim=0) if join == "mean" else both.amax(dim=0)
    assert found.column("topic").to_pylist() == [LABELS[n] for n in joined.argmax(dim=1).tolist()]
    assert found.column("topic.score").to_pylist() == pytest.approx(joined.max(dim=1).values.tolist(), abs=1e-5)
    assert {*judged(texts, model).column("topic").to_pylist()} == {"science"}
    assert {*judged(texts, model, windows=["end"]).column("topic").to_pylist()} == {"sports"}


def test_a_regression_has_a_value_and_no_label(regression: Path) -> None:
    texts = texts_of(10)
    found = judged([*texts, ""], regression)
    assert "topic" not in found.schema.names
    values = found.column("topic.score").to_pylist()
    assert values[:-1] == pytest.approx(plain_logits(texts, regression)[:, 0].tolist(), abs=1e-5)
    assert values[-1] is None


def test_several_labels_may_apply(tmp_path: Path) -> None:
    model = write_model(tmp_path / "many", ["long", "spam"], problem_type="multi_label_classification")
    texts = texts_of(6)
    expected = plain_logits(texts, model).sigmoid().max(dim=1).values.tolist()
    assert judged(texts, model).column("topic.score").to_pylist() == pytest.approx(expected, abs=1e-5)


def test_neighbours_change_no_bit(model: Path) -> None:
    texts = texts_of(30, 60)
    whole = np.array(judged(texts, model).column("topic.score"))
    order = random.Random(7).sample(range(30), 30)
    shuffled = np.array(judged([texts[n] for n in order], model).column("topic.score"))
    assert np.array_equal(shuffled, whole[order])
    alone = [judged([text], model).column("topic.score")[0].as_py() for text in texts[:8]]
    assert alone == whole[:8].tolist()


def test_the_contract(model: Path, regression: Path) -> None:
    check_stage(LabelStage, {"engine": "transformers", "model": str(model), "window_tokens": 64, "at_least": 0.5})
    windows = {"windows": ["start", "middle", "end"], "window_tokens": 64, "dtype": "bfloat16"}
    check_stage(LabelStage, {"engine": "transformers", "model": str(regression), **windows})


def config(tmp_path: Path, model: Path, *before: Any, **settings: Any) -> dict[str, Any]:
    """Three shards of documents, of which every third is short and every text stands twice."""
    sources = []
    for shard in range(3):
        texts = [text + " end" * (n % 3) for n, text in enumerate(texts_of(20))]
        rows = [json.dumps({"id": f"{shard}-{n}", "text": text}) + "\n" for n, text in enumerate(texts)]
        path = tmp_path / f"in{shard}.jsonl"
        path.write_text("".join(rows))
        sources.append({"name": f"s{shard}", "format": "jsonl", "path": str(path), "domain": "web"})
    label = {"engine": "transformers", "model": str(model), "name": "topic", "window_tokens": 64, **settings}
    return {"output": str(tmp_path / "out"), "sources": sources, "stages": [*before, {"label": label}]}


def test_only_what_is_kept_is_scored(tmp_path: Path, model: Path) -> None:
    before = [{"where": {"keep": {"short": "text_bytes > 100"}}}, {"exact_dedup": {}}]
    result = run_inline(config(tmp_path, model, *before))
    rows = rows_of(result, ["id", "reason", "topic", "topic.score"])
    assert len({row["reason"] for row in rows}) == 3
    for row in rows:
        assert (row["topic"] is None) == (row["topic.score"] is None) == (row["reason"] is not None)
    (again,) = [phase for phase in result.phases if phase.name == "documents-2"]
    assert again.counters["documents"] == sum(row["reason"] is None for row in rows) < 20


def test_workers_give_the_same_bytes(tmp_path: Path, model: Path) -> None:
    values = config(tmp_path, model, {"exact_dedup": {}}, windows=["start", "end"])
    found = []
    for name, engine in ("inline", "inline"), ("workers", {"kind": "local", "workers": 2}):
        result = run_inline({**values, "output": str(tmp_path / name), "engine": engine})
        found.append(rows_of(result, ["id", "reason", "topic", "topic.score"]))
    assert found[0] == found[1]


def test_mistakes_are_told_before_any_work(tmp_path: Path, model: Path, regression: Path) -> None:
    def said(folder: Path = model, **settings: Any) -> str:
        with pytest.raises(InvalidConfigError) as error:
            planned(config(tmp_path, folder, **settings))
        return str(error.value)

    assert "the model doesn't have art; the model has cooking, sports besides" in said(labels=["science", "art"])
    assert "at_least: the model has one output, a value and no labels" in said(regression, at_least=0.5)
    assert "takes windows of 64 tokens at most" in said(window_tokens=512)
    assert "prefix_bytes: a setting of `engine: fasttext`" in said(prefix_bytes=5)
    assert "window_tokens: a setting of `engine: transformers`" in said(engine="fasttext")
    if not torch.cuda.is_available():
        assert "device: this machine has no GPU" in said(device="cuda")


def test_weights_that_are_not_the_classifiers(tmp_path: Path, model: Path) -> None:
    def said(folder: Path) -> str:
        with pytest.raises(InvalidConfigError) as error:
            planned(config(tmp_path, folder))
        return str(error.value)

    folder = write_model(tmp_path / "other", LABELS[:2])
    named = json.loads((folder / "config.json").read_text())
    named["id2label"] = dict(enumerate(LABELS))
    (folder / "config.json").write_text(json.dumps({**named, "label2id": {label: n for n, label in enumerate(LABELS)}}))
    assert "the weights classifier.weight are of the shape [2, 32], and config.json, with 3 labels" in said(folder)
    network = transformers.AutoModelForMaskedLM.from_config(transformers.AutoConfig.from_pretrained(str(model)))
    network.save_pretrained(folder)
    assert "no weights classifier.weight: it is a language model" in said(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "nothing_known"}))
    assert "no sequence classifier" in said(folder)
