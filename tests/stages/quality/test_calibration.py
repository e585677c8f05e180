"""Calibration maps, and the command that makes them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.jit import INTERPRETED
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import ConfigError
from dspipe.stages.quality.calibration import Calibration, fit_map, fit_maps, read_calibration
from dspipe.stages.quality.measures import brier
from dspipe.stages.shared.loaded import sha256_once
from dspipe.stages.shared.quantiles import Groups
from tests.engine import rows_of, run_inline
from tests.stages.quality.toy_labels import SIZES, ask, command, grades, sides, write

ROWS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5).map(lambda grade: grade / 5)), min_size=1, max_size=40)


@given(ROWS, st.sampled_from(["isotonic", "quantile"]))
def test_maps_keep_the_order(rows: list[tuple[float, float]], how: str) -> None:
    scores, targets = np.array(rows, np.float64).T
    made = fit_map(scores, targets, how)
    assert all(a < b for a, b in zip(made.scores, made.scores[1:], strict=False))
    found = made.of(np.linspace(-0.1, 1.1, 50))
    assert np.all(np.diff(found) >= -1e-12) and found.min() >= -1e-12 and found.max() <= 1 + 1e-12
    if how == "isotonic":
        assert brier(made.of(scores), targets) <= brier(scores, targets) + 1e-9
        assert made.of(scores).mean() == pytest.approx(targets.mean())


def test_groups_with_enough_documents_have_maps_of_their_own() -> None:
    draw = np.random.default_rng(1)
    scores = draw.random(2000)
    names = ["easy", "hard"] * 1000
    targets = (draw.random(2000) < np.where(np.array(names) == "easy", scores, scores / 4)).astype(np.float64)
    maps = fit_maps(scores, targets, names, "isotonic")
    made = Calibration("", None, "domain", "isotonic", maps)
    found = made.of(np.full(4, 0.8), Groups(["easy", "hard", "unknown", ""], np.arange(4)))
    assert found[0] == pytest.approx(0.8, abs=0.15) and found[1] == pytest.approx(0.2, abs=0.1)
    assert found[2] == found[3] == maps["*"].of(np.array([0.8]))[0]
    assert fit_maps(scores[:30], targets[:30], names[:30], "isotonic").keys() == {"*"}


@pytest.mark.skipif(INTERPRETED, reason="trains a model")
def test_the_command(tmp_path: Path) -> None:
    train, labelled = write(tmp_path / "train.jsonl", sides(300, 1, 0)), write(tmp_path / "more.jsonl", sides(600, 2))
    model = tmp_path / "m.bin"
    command("train", "--documents", train, "--output", model, *SIZES)
    found = json.loads(command("calibrate", model, labelled, "--json"))
    assert found["groups"] == ["a", "b"] and found["file"] == str(tmp_path / "m.calibration.json")
    for name in ("*", "a", "b"):
        assert found["before"][name]["ece"] > 0.15 > 0.1 > found["after"][name]["ece"]
        assert found["before"][name]["brier"] > found["after"][name]["brier"]
    assert "Brier before" in command("calibrate", model, labelled, "--how", "quantile", "--by", "language")
    assert read_calibration(model, sha256_once(model), "positive").how == "quantile"
    one = write(tmp_path / "one.jsonl", [{"text": "x", "label": "positive"}])
    cases: list[tuple[list[object], str]] = [
        ([model, one], "labels of both kinds are needed"),
        ([model, labelled, "--label", "hq"], "no label hq"),
        ([model, labelled, "--label-field", "grade"], "no label in the field grade"),
        ([model, write(tmp_path / "none.jsonl", [])], "no documents with a text"),
    ]
    for arguments, message in cases:
        result = ask("calibrate", *arguments)
        assert result.exit_code == 2 and message in result.output


def test_a_calibration_of_another_model_is_refused(tmp_path: Path) -> None:
    model, beside = tmp_path / "m.bin", tmp_path / "m.calibration.json"
    with pytest.raises(ConfigError, match="classifier calibrate"):
        read_calibration(model, "abc", "positive")
    made = Calibration(
        "abc", "positive", "domain", "isotonic", fit_maps(np.array([0.5]), np.array([1.0]), ["x"], "isotonic")
    )
    beside.write_text(json.dumps(made.as_json()))
    assert read_calibration(model, "abc", "positive") == made
    with pytest.raises(ConfigError, match="of another model"):
        read_calibration(model, "abd", "positive")
    with pytest.raises(ConfigError, match="is for the label positive, not for grades"):
        read_calibration(model, "abc", None)
    beside.write_text("[]")
    with pytest.raises(ConfigError, match="not a calibration"):
        read_calibration(model, "abc", "positive")


@pytest.mark.skipif(INTERPRETED, reason="trains a model")
def test_grades_are_calibrated(tmp_path: Path) -> None:
    file, model = write(tmp_path / "all.jsonl", grades(300)), tmp_path / "m.bin"
    command("train", "--documents", file, "--ordinal", "--output", model, *SIZES)
    found = json.loads(command("calibrate", model, write(tmp_path / "more.jsonl", grades(200, 2)), "--json"))
    assert found["after"]["*"]["brier"] < 0.05
    over = write(tmp_path / "over.jsonl", [{"text": "x", "label": 0}, {"text": "x", "label": 9}])
    assert "a document has the grade 9, and the model knows 0 to 3" in ask("calibrate", model, over).output


@pytest.mark.skipif(INTERPRETED, reason="trains a model")
def test_the_stage_scores_by_grades_and_by_the_calibration(tmp_path: Path) -> None:
    documents = write(tmp_path / "all.jsonl", grades(240))
    model = tmp_path / "m.bin"
    command("train", "--documents", documents, "--ordinal", "--output", model, *SIZES)
    source = {"name": "a", "format": "jsonl", "path": str(documents), "fields": {"domain": "domain"}}

    def scores(**settings: Any) -> list[float]:
        stages = [{"quality": {"model": str(model), "ordinal": True, **settings}}]
        result = run_inline({"output": str(tmp_path / "out"), "sources": [source], "stages": stages})
        return [row["quality"] for row in rows_of(result, ["quality"])]

    with pytest.raises(InvalidConfigError, match="no calibration"):
        scores(calibrated=True)
    plain = np.array(scores())
    truth = np.array([item["label"] for item in grades(240)]) / 3
    assert np.abs(plain - truth).mean() < 0.25 and len(set(plain)) > 50
    command("calibrate", model, documents)
    mapped = np.array(scores(calibrated=True))
    assert brier(mapped, truth) < brier(plain, truth)
    made = read_calibration(model, sha256_once(model), None)
    assert made.maps.keys() == {"*", "d0", "d1"}
    for name in ("d0", "d1"):
        chosen = np.array([item["domain"] == name for item in grades(240)])
        assert mapped[chosen] == pytest.approx(made.maps[name].of(plain[chosen]), abs=1e-6)
    with pytest.raises(InvalidConfigError, match="of an ordinal model's labels none"):
        scores(label="positive")
    with pytest.raises(InvalidConfigError, match="not of a column's"):
        scores(model=None, column="x")
