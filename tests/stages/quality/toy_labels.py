"""Small labelled documents, and models trained on them."""

import json
import random
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from dspipe.stages.quality.cli import app

WORDS = {
    "sport": ["goal", "match", "team", "league"],
    "cooking": ["salt", "oven", "butter", "dough"],
    "law": ["court", "clause", "judge", "statute"],
}
COMMON = ["the", "of", "and", "it", "in"]
GRADE_WORDS = ["click", "today", "because", "theorem"]
SIZES = ("--dim", 8, "--buckets", 1000, "--epochs", 15, "--learning-rate", 0.5)
"""of a training that tries no settings"""


def write(path: Path, documents: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), "utf-8")
    return path


def ask(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def command(*arguments: object) -> str:
    result = ask(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def text(draw: random.Random, words: list[str], common: int = 10) -> str:
    return " ".join(draw.choices(words, k=5) + draw.choices(COMMON, k=common))


def topics(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Documents of three topics, of 40 hosts for each."""
    draw = random.Random(seed)
    return [
        {"id": f"{topic}-{i}", "text": text(draw, words), "label": topic, "url": f"https://h{i % 40}.{topic}.org/{i}",
         "source": topic, "domain": f"d{i % 2}"}
        for topic, words in WORDS.items()
        for i in range(count)
    ]  # fmt: skip


def grades(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Documents of the grades 0 to 3, each with words of its own and some of its neighbours'."""
    draw = random.Random(seed)
    return [
        {"id": f"{i}", "label": i % 4, "domain": f"d{i // 4 % 2}",
         "text": text(draw, [GRADE_WORDS[i % 4]] * 4 + [draw.choice(GRADE_WORDS)])}
        for i in range(count)
    ]  # fmt: skip


def sides(count: int, seed: int = 1, noise: float = 0.2) -> list[dict[str, Any]]:
    """Documents labelled positive or negative, `noise` of them wrongly, in the domains a and b."""
    draw = random.Random(seed)
    found = []
    for i in range(count):
        good = i % 2 == 0
        label = "positive" if good != (draw.random() < noise) else "negative"
        found.append({"id": f"{i}", "text": text(draw, WORDS["law" if good else "sport"]), "label": label,
                      "domain": "ab"[i // 2 % 2]})  # fmt: skip
    return found
