"""The quality stage in the engine, and the commands that train and evaluate its model."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from dspipe.kernels.jit import INTERPRETED
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.stages.quality.cli import app
from dspipe.stages.quality.stage import QualityConfig, QualityStage
from dspipe.stages.quality.training import TrainingError, train
from tests.engine import rows_of, run_inline, tasks_run
from tests.shared import shared

GOOD = ["theorem", "proof", "chapter", "because", "history", "method"]
BAD = ["buy", "cheap", "click", "viagra", "login", "cookie"]
BOTH = ["the", "of", "and", "it", "in"]


def write(path: Path, documents: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), "utf-8")
    return path


def texts(words: list[str], count: int, seed: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [{"text": " ".join(draw.choices(words + BOTH, k=draw.randint(20, 60)))} for _ in range(count)]


def command(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quality")
    odd = [{"text": "theorem </s> proof\n__label__negative \0 chapter " * 5}]
    good, bad = write(folder / "good.jsonl", texts(GOOD, 400, 1) + odd), write(folder / "bad", texts(BAD, 400, 2))
    bad = bad.with_suffix(".jsonl.gz")
    bad.write_bytes(gzip.compress((folder / "bad").read_bytes()))
    sizes = "--dim", 10, "--buckets", 2000, "--epochs", 20
    output = command("train", "--positive", good, "--negative", bad, "--output", folder / "model.bin", *sizes)
    assert "trained on documents of positive: 3" in output and "area under the ROC curve 1.0" in output
    assert sorted(path.name for path in folder.iterdir()) == ["bad", "bad.jsonl.gz", "good.jsonl", "model.bin"]
    return folder / "model.bin"


def test_the_same_documents_give_the_same_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dspipe.stages.quality.search.RATES_AND_EPOCHS", ((0.1, 5), (0.5, 5)))
    good, bad = write(tmp_path / "good.jsonl", texts(GOOD, 100, 1)), write(tmp_path / "bad.jsonl", texts(BAD, 100, 2))
    models = []
    for number in range(3):
        path = tmp_path / f"{number}.bin"
        sizes: tuple[object, ...] = ("--dim", 10, "--buckets", 2000, "--epochs", 5)
        sizes += ("--learning-rate", 0.5, "--threads", 2) if number == 2 else ()
        command("train", "--positive", good, "--negative", bad, "--output", path, *sizes)
        models.append(path.read_bytes())
    assert models[0] == models[1]
    assert len(models[2]) == len(models[0])  # several threads: as good, but not the same bytes
    with pytest.raises(TrainingError, match="cannot be opened"):
        train(tmp_path / "absent.txt", tmp_path / "x.bin", 1)


def test_evaluate(model: Path, tmp_path: Path) -> None:
    good, bad = write(tmp_path / "good.jsonl", texts(GOOD, 50, 3)), write(tmp_path / "bad.jsonl", texts(BAD, 50, 4))
    result = json.loads(command("evaluate", model, "--positive", good, "--negative", bad, "--json"))
    assert result["roc_auc"] == 1.0 and result["accuracy"] == 1.0
    half = result["quantiles"][2]
    assert (half["drop_lowest"], half["positive"], half["negative"]) == (0.5, 1.0, 0.0)
    mixed = json.loads(command("evaluate", model, "--positive", good, "--negative", good, "--json"))
    assert mixed["roc_auc"] == 0.5
    assert "negative kept" in command("evaluate", model, "--positive", good, "--negative", bad)


def test_commands_refuse_what_cannot_work(model: Path, tmp_path: Path) -> None:
    good, empty = write(tmp_path / "good.jsonl", texts(GOOD, 5, 3)), write(tmp_path / "empty.jsonl", [])
    broken, other = tmp_path / "broken.jsonl", write(tmp_path / "other.jsonl", [{"body": "x"}])
    broken.write_text("{")
    for arguments, message in [
        (["evaluate", model, "--positive", good, "--negative", empty], "no negative documents"),
        (["evaluate", model, "--positive", good, "--negative", broken], "line 1: not JSON"),
        (["evaluate", model, "--positive", good, "--negative", other], "no text in the field text"),
        (["evaluate", good, "--positive", good, "--negative", good], "not a fastText model"),
        (["evaluate", model, "--positive", good, "--negative", good, "--label", "x"], "no label x"),
        (["train", "--positive", good, "--negative", empty, "--output", tmp_path / "m.bin"], "no negative documents"),
    ]:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 2 and message in result.output
    assert not (tmp_path / "m.bin").exists()


def subtle(count: int, seed: int, cues: list[str]) -> list[dict[str, Any]]:
    """Texts of which three words in a hundred tell them apart."""
    draw = random.Random(seed)
    common = [f"w{number}" for number in range(400)]
    return [
        {"text": " ".join(draw.choice(cues if draw.random() < 0.03 else common) for _ in range(150))}
        for _ in range(count)
    ]


def test_the_defaults_work_on_few_documents(tmp_path: Path) -> None:
    good, bad = write(tmp_path / "good.jsonl", subtle(160, 1, GOOD)), write(tmp_path / "bad.jsonl", subtle(160, 2, BAD))
    result = CliRunner().invoke(
        app, ["train", "--positive", str(good), "--negative", str(bad), "--output", str(tmp_path / "m.bin")]
    )
    assert result.exit_code == 0 and "trying learning rate" in result.output and "warning" not in result.output
    assert (tmp_path / "m.bin").stat().st_size < 5_000_000
    good, bad = write(tmp_path / "good2.jsonl", subtle(60, 3, GOOD)), write(tmp_path / "bad2.jsonl", subtle(60, 4, BAD))
    found = json.loads(command("evaluate", tmp_path / "m.bin", "--positive", good, "--negative", bad, "--json"))
    assert found["accuracy"] > 0.95 and found["spread"] > 0.8


def test_a_model_that_has_learnt_nothing_is_warned_of(tmp_path: Path) -> None:
    good, bad = write(tmp_path / "good.jsonl", texts([], 200, 1)), write(tmp_path / "bad.jsonl", texts([], 200, 2))
    files = "--positive", good, "--negative", bad, "--output", tmp_path / "m.bin"
    said = command("train", *files, "--learning-rate", 0.01, "--epochs", 1, "--dim", 4, "--buckets", 1000)
    assert "this model is of no use: the area under" in said
    assert "nine of ten scores lie within" in said


def run(tmp_path: Path, model: Path, **settings: Any) -> tuple[Any, list[dict[str, Any]]]:
    folder = tmp_path / "in"
    if not folder.exists():
        for number, language in enumerate(["en", "en", "de"]):
            words, count = (GOOD if number == 0 else BAD), 40 if number < 2 else 20
            documents = [
                {**item, "id": f"{number}-{row}", "language": language}
                for row, item in enumerate(texts(words, count, 5))
            ]
            write(folder / f"{number}.jsonl", documents)
    result = run_inline(
        {
            "output": str(tmp_path / "out"),
            "sources": [{"name": "a", "format": "jsonl", "path": str(folder / "*.jsonl"), "domain": "web"}],
            "stages": [{"quality": {"model": str(model), **settings}}],
        }
    )
    decided = ["reason"] if len(settings) > 0 else []
    return result, rows_of(result, ["id", "language", "quality", *decided])


def test_scores_only(model: Path, tmp_path: Path) -> None:
    _, rows = run(tmp_path, model)
    assert all((row["quality"] > 0.5) == row["id"].startswith("0") for row in rows)


def test_by_value(model: Path, tmp_path: Path) -> None:
    _, rows = run(tmp_path, model, at_least=0.5)
    assert all((row["reason"] is None) == (row["quality"] >= 0.5) for row in rows)
    assert {row["reason"] for row in rows} == {None, "quality.low_score"}
    _, rows = run(tmp_path, model, at_least={"en": 0.5})
    assert [row["reason"] for row in rows].count("quality.low_score") == 40
    _, rows = run(tmp_path, model, at_least={"en": 0, "*": 1})
    assert all((row["reason"] is None) == (row["language"] == "en") for row in rows)


def test_a_score_equal_to_the_threshold_meets_it() -> None:
    stage = QualityStage("quality", QualityConfig(model="x", at_least=0.7))
    below, equal = np.nextafter(np.float32(0.7), np.float32(0)), np.float32(0.7)
    broken = [limit.broken for score in (below, equal) for limit in stage.limits({"quality": float(score)})]
    assert broken == [True, False]


def kept(rows: list[dict[str, Any]], language: str) -> list[float]:
    return [row["quality"] for row in rows if row["reason"] is None and row["language"] == language]


def dropped(rows: list[dict[str, Any]], language: str) -> list[float]:
    return [row["quality"] for row in rows if row["reason"] is not None and row["language"] == language]


def test_by_quantile(model: Path, tmp_path: Path) -> None:
    result, rows = run(tmp_path, model, drop_lowest=0.25)
    low = sorted(row["quality"] for row in rows if row["reason"] == "quality.low_quantile")
    # equal scores to 2**-16 are kept together
    assert 15 <= len(low) <= 25 and max(low) <= min(row["quality"] for row in rows if row["reason"] is None)
    assert tasks_run(result)["quality.scores"] == 3
    again, _ = run(tmp_path, model, drop_lowest=0.5)
    assert "documents" not in tasks_run(again)


def test_by_quantile_per_language(model: Path, tmp_path: Path) -> None:
    _, rows = run(tmp_path, model, drop_lowest={"en": 0.5, "*": 0.2}, by="language")
    assert 35 <= len(dropped(rows, "en")) <= 40 and 2 <= len(dropped(rows, "de")) <= 4
    assert max(dropped(rows, "de")) <= min(kept(rows, "de"))
    _, rows = run(tmp_path, model, drop_lowest={"en": 0.5}, by="language")
    assert not dropped(rows, "de")


def test_by_value_then_by_quantile(model: Path, tmp_path: Path) -> None:
    _, rows = run(tmp_path, model, at_least=0.5, drop_lowest=0.5)
    reasons = [row["reason"] for row in rows]
    assert reasons.count("quality.low_score") == 60 and 15 <= reasons.count("quality.low_quantile") <= 20


def test_bad_settings(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="no label hq; it has"):
        run(tmp_path, model, label="hq")
    with pytest.raises(InvalidConfigError, match="no model file"):
        run(tmp_path, tmp_path / "absent.bin")
    with pytest.raises(ValidationError, match="needs `by`"):
        QualityConfig(model="x", drop_lowest={"en": 0.1})
    with pytest.raises(ValidationError):
        QualityConfig(model="x", drop_lowest=1.0)


@pytest.mark.skipif(INTERPRETED, reason="minutes uncompiled")
def test_real_texts(tmp_path: Path) -> None:
    """Laws against poems: an easy pair, with character n-grams for Chinese."""
    sizes = "--dim", 10, "--buckets", 20000, "--epochs", 1, "--subwords", "--word-ngrams", 1, "--learning-rate", 0.5
    files = "--positive", shared("text/zh-laws.jsonl.zst"), "--negative", shared("text/zh-poetry.jsonl.zst")
    assert "held-out documents" in command("train", *files, "--output", tmp_path / "m.bin", *sizes)
    result = json.loads(command("evaluate", tmp_path / "m.bin", *files, "--json"))
    assert result["roc_auc"] > 0.95


def test_two_models_each_with_its_own_scores(model: Path, tmp_path: Path) -> None:
    good, bad = write(tmp_path / "good.jsonl", texts(GOOD, 100, 1)), write(tmp_path / "bad.jsonl", texts(BAD, 100, 2))
    sizes = "--dim", 4, "--buckets", 1000, "--epochs", 5, "--learning-rate", 0.5
    command("train", "--positive", bad, "--negative", good, "--output", tmp_path / "other.bin", *sizes)
    run(tmp_path, model)  # makes the documents
    stages = [
        {"quality": {"model": str(model), "at_least": 0.5}},
        {"quality": {"name": "quality.spam", "model": str(tmp_path / "other.bin"), "drop_lowest": 0.25}},
        {"quality": {"name": "judged", "column": "quality.spam", "at_least": 0.01}},
    ]
    source = {"name": "a", "format": "jsonl", "path": str(tmp_path / "in" / "*.jsonl"), "domain": "web"}
    result = run_inline({"output": str(tmp_path / "two"), "sources": [source], "stages": stages})
    rows = rows_of(result, ["quality", "quality.spam", "reason"])
    assert all((row["quality"] > 0.5) == (row["quality.spam"] < 0.5) for row in rows)
    assert {row["reason"] for row in rows if row["quality"] < 0.5} == {"quality.low_score"}
    good_ones = sorted((row for row in rows if row["quality"] >= 0.5), key=lambda row: float(row["quality.spam"]))
    for row in good_ones:
        low = row["reason"] == "quality.spam.low_quantile"
        assert low == (row["quality.spam"] <= good_ones[9]["quality.spam"])
        assert low or (row["reason"] == "judged.low_score") == (row["quality.spam"] < 0.01)
    again = {"sources": [source], "output": str(tmp_path / "x"), "stages": [{"quality": {"model": str(model)}}] * 2}
    with pytest.raises(InvalidConfigError, match="give one a `name` of its own"):
        run_inline(again)
