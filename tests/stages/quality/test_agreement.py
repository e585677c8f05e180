"""Two labellers compared, and the command that shows it."""

import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.quality.agreement import compare
from tests.stages.quality.toy_labels import ask, command, write


def labelled(path: Path, labels: dict[str, Any], **more: Any) -> Path:
    return write(path, [{"id": key, "label": label, "text": f"text of {key}", **more} for key, label in labels.items()])


def test_grades(tmp_path: Path) -> None:
    one = labelled(tmp_path / "a.jsonl", {"p": 0, "q": 1, "r": 4, "s": 3.0, "only": 2})
    other = labelled(tmp_path / "b.jsonl", {"q": 1, "p": 3, "r": 3, "s": 3})
    found = compare(one, other)
    assert found.labels == ["0", "1", "2", "3", "4"] and found.alone == (1, 0) and found.ordinal
    assert [(d.key, d.one, d.other) for d in found.disagreements] == [("p", "0", "3"), ("r", "4", "3")]
    said = json.loads(command("agreement", one, other, "--json", "-n", 1).partition("\n")[2])
    assert said["agreement"] == 0.5 and said["linear_kappa"] < 1 and len(said["disagreements"]) == 1
    assert said["confusion"][0][3] == said["confusion"][4][3] == said["confusion"][3][3] == 1
    shown = command("agreement", one, other)
    assert "1 documents are only in" in shown and "p: 0 / 3" in shown and "text of p" in shown


def test_names_meet_by_url(tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", [{"url": f"u{i}", "label": label} for i, label in enumerate("aabb")])
    other = write(tmp_path / "b.jsonl", [{"url": f"u{i}", "label": label} for i, label in enumerate("abbb")])
    said = json.loads(command("agreement", one, other, "--json"))
    assert said["confusion"] == [[1, 1], [0, 2]] and said["kappa"] == pytest.approx(0.5)
    assert "linear_kappa" not in said


def test_files_that_do_not_match_are_refused(tmp_path: Path) -> None:
    one, other = labelled(tmp_path / "a.jsonl", {"p": "x"}), labelled(tmp_path / "b.jsonl", {"q": "x"})
    result = ask("agreement", one, other)
    assert result.exit_code == 2 and "no document in common: the first has p, the second q" in result.output
    cases: list[tuple[list[dict[str, Any]], str]] = [
        ([{"label": 1}], "line 1: neither an id nor a url"),
        ([{"id": 1}], "line 1: no label in the field label"),
        ([{"id": 1, "label": ["x"]}], r"the label \['x'\], neither a string nor a whole number"),
        ([{"id": 1, "label": 1}, {"id": 1, "label": 2}], "line 2: 1 stands in this file twice, as 1 and as 2"),
        ([], "no documents"),
    ]
    for items, message in cases:
        with pytest.raises(ConfigError, match=message):
            compare(one, write(tmp_path / "c.jsonl", items))
