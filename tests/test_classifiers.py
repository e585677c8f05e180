"""The way of docs/classifiers.md, from documents without labels to a run that is judged by models of its own."""

import json
import random
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dspipe.cli import app
from dspipe.kernels.jit import INTERPRETED
from tests.test_docs import DOCS, fenced

pytestmark = pytest.mark.skipif(INTERPRETED, reason="trains models")

TOPICS = {"sport": ["goal", "match", "team", "league"], "cooking": ["salt", "oven", "butter", "dough"]}
GRADES = ["click", "today", "because", "theorem"]
PAGE = DOCS / "classifiers.md"


def pages(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Pages of two topics and four grades, each with its words, of twenty hosts for each topic."""
    draw = random.Random(seed)
    found = []
    for n in range(count):
        topic, grade = list(TOPICS)[n % 2], n // 2 % 4
        words = draw.choices(TOPICS[topic], k=6) + [GRADES[grade]] * 4 + draw.choices(["the", "of", "and", "it"], k=20)
        draw.shuffle(words)
        found.append(
            {"id": f"p{n}", "url": f"https://h{n % 40}.example/{n}", "domain": ("news", "forum")[n // 8 % 2],
             "text": " ".join(words)}
        )  # fmt: skip
    return found


def grade_of(document: dict[str, Any]) -> int:
    """What a labeller says."""
    return max(range(4), key=lambda grade: document["text"].count(GRADES[grade]))


def write(path: Path, documents: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))


def label(drawn: list[dict[str, Any]]) -> None:
    """What two labellers and the owner of a list of hosts have written, once documents were drawn."""
    graded = [{**one, "label": grade_of(one)} for one in drawn]
    write(Path("graded.jsonl"), graded[:-120])
    write(Path("aside.jsonl"), graded[-120:])
    again = [{**one, "label": min(3, one["label"] + (n % 9 == 0))} for n, one in enumerate(graded[:60])]
    write(Path("graded-again.jsonl"), again)
    write(Path("good.jsonl"), [one for one in pages(400, seed=2) if grade_of(one) == 3])


def test_every_command_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("pages/0.jsonl"), pages(400))
    for number, topic in enumerate(TOPICS):
        (tmp_path / "lists" / topic).mkdir(parents=True)
        hosts = [f"h{host}.example\n" for host in range(number, 40, 2)]
        (tmp_path / "lists" / topic / "domains").write_text("".join(hosts))
    for code in fenced(PAGE, "yaml"):
        if named := re.match(r"# (\w+\.yaml)\n", code):
            Path(named[1]).write_text(code + "engine: {kind: inline, index: false}\n")
    said = {}
    for line in "".join(fenced(PAGE, "sh")).splitlines():
        program, *arguments = shlex.split(line)
        assert program == "dspipe"
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, f"{line}\n{done.output}"
        said[line.removeprefix("dspipe ")] = done.output
        if "--output to-label.jsonl" in line:
            label([json.loads(row) for row in Path("to-label.jsonl").read_text().splitlines()])
    (kappa,) = (text for line, text in said.items() if line.startswith("classifier agreement"))
    assert "kappa" in kappa
    (what_if,) = (text for line, text in said.items() if line.startswith("whatif"))
    assert "rank.low_bucket" in what_if
    mixture = json.loads(Path("runs/judged/mixture.json").read_text())
    assert {domain["domain"] for domain in mixture["domains"]} >= set(TOPICS)
