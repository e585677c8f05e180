"""Measures over all, and within domains and languages."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from dspipe.kernels.jit import INTERPRETED
from dspipe.stages.quality.evaluation import evaluate_scores, find_faults, find_warnings
from dspipe.stages.quality.labelled import Document
from tests.stages.quality.toy_labels import SIZES, ask, command, topics, write


def documents(domains: list[str]) -> list[Document]:
    return [Document("", "", "", domain=name, language="en", source=name) for name in domains]


def test_a_score_that_only_tells_domains_apart_is_warned_of() -> None:
    draw = np.random.default_rng(1)
    domains = ["good"] * 500 + ["bad"] * 500
    targets = (draw.random(1000) < np.where(np.array(domains) == "good", 0.9, 0.1)).astype(np.float64)
    only_domain = np.where(np.array(domains) == "good", 0.8, 0.2) + draw.random(1000) / 100
    found = evaluate_scores(only_domain, targets, documents(domains))
    assert found["roc_auc"] > 0.85 and abs(found["within"]["domain"]["roc_auc"] - 0.5) < 0.1
    assert found["domain_alone"] == pytest.approx(found["roc_auc"], abs=0.05)
    said = find_warnings({**found, "kind": "binary"})
    assert "the score only tells domains apart" in said[0] and "all scores are alike" in said[1] and len(said) == 3
    real = 0.1 + 0.8 * targets - 0.2 * draw.random(1000) + 0.1
    better = evaluate_scores(real, targets, documents(domains))
    assert better["within"]["domain"]["roc_auc"] == 1 and better["within"]["language"]["roc_auc"] == 1
    assert find_warnings({**better, "kind": "binary"}) == []


def test_domains_of_one_kind_have_no_area() -> None:
    domains = ["a"] * 20 + ["b"] * 20 + ["few"] * 3
    targets = np.array([1.0] * 20 + [0.0] * 20 + [1.0, 0.0, 1.0])
    found = evaluate_scores(targets, targets, documents(domains))
    assert found["within"]["domain"]["groups"].keys() == {"a", "b"}
    assert math.isnan(found["within"]["domain"]["roc_auc"])
    assert any("no domain has documents of both kinds" in one for one in find_warnings({**found, "kind": "binary"}))


@pytest.mark.skipif(INTERPRETED, reason="trains a model")
def test_the_command_with_any_number_of_labels(tmp_path: Path) -> None:
    file, model = write(tmp_path / "all.jsonl", topics(60)), tmp_path / "m.bin"
    command("train", "--documents", file, "--output", model, *SIZES)
    found = json.loads(command("evaluate", model, "--documents", file, "--json"))
    assert found["kind"] == "classes" and found["accuracy"] == 1 and found["megabytes_per_second"] > 0
    assert found["within"]["domain"]["groups"]["d0"] == {"documents": 90, "accuracy": 1.0}
    assert find_faults(found) == [] == found["warnings"]
    assert "the domain's commonest label alone: 33.3%" in command("evaluate", model, "--documents", file)
    other = write(tmp_path / "other.jsonl", [{"text": "a", "label": "law"}, {"text": "b", "label": "tax"}])
    result = ask("evaluate", model, "--documents", other)
    assert result.exit_code == 2 and "documents have labels that the model doesn't: tax" in result.output
