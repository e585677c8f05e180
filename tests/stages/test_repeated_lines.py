"""Lines that repeat across documents: which go, by a few plain lines that say the same."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from tests.engine import planned, rows_of, run_inline

STOCK = [
    "Share this page",
    "share this PAGE!",
    "Posted at 12:30",
    "Posted at 07:45",
    "***",
    "",
    "  Read  more ",
    "नमस्ते",
]
STOCK += ["Ünique façade", "one\ttwo", "...and more", "x" * 5000]


def made(seed: int, count: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    documents = []
    for number in range(count):
        lines = [STOCK[place] for place in rng.integers(0, len(STOCK), rng.integers(0, 6))]
        lines += [f"own words of {chr(97 + number % 26)}{'z' * (number // 26)}"] if rng.random() < 0.7 else []
        separator = "\n\n" if number % 3 == 0 else "\n"
        documents.append({"id": str(number), "text": separator.join(lines)})
    return documents


def removed_slowly(documents: list[dict[str, Any]], separator: str, more_than: int, keep: int) -> list[tuple[str, int]]:
    def normal(line: str) -> str:
        kept = "".join(c for c in re.sub(r"\d", "0", line.lower()) if not re.match(r"[!.:*]", c))
        return " ".join(kept.split())

    having: dict[str, list[int]] = defaultdict(list)
    for number, document in enumerate(documents):
        for line in {normal(line) for line in document["text"].split(separator)}:
            having[line].append(number)
    results = []
    for number, document in enumerate(documents):
        lines = document["text"].split(separator)
        stays = []
        for line in lines:
            owners = having[normal(line)]
            worded = any(character.isalnum() for character in line)
            stays.append(not worded or len(owners) <= more_than or number in owners[:keep])
        results.append((separator.join(line for line, s in zip(lines, stays, strict=True) if s), stays.count(False)))
    return results


def run(tmp_path: Path, parts: list[list[dict[str, Any]]], stages: list[Any], **engine: Any) -> list[dict[str, Any]]:
    for number, part in enumerate(parts):
        (tmp_path / f"{number}.jsonl").write_text("".join(json.dumps(document) + "\n" for document in part))
    source = {"format": "jsonl", "max_document_bytes": "1MB"}
    config = {
        "output": str(tmp_path / "run"),
        "engine": {"kind": "inline", **engine},
        "sources": [
            {"name": f"s{number}", "path": str(tmp_path / f"{number}.jsonl"), "domain": f"m{number}", **source}
            for number in range(len(parts))
        ],
        "stages": stages,
    }
    return rows_of(run_inline(config), ["id", "text", "text_bytes", "repeated_lines.removed"])


@pytest.mark.parametrize(("more_than", "keep"), [(1, 1), (1, 0), (5, 0), (12, 12), (7, 3)])
@pytest.mark.parametrize("unit", ["line", "paragraph"])
def test_the_same_lines_go_as_by_dictionaries(tmp_path: Path, unit: str, more_than: int, keep: int) -> None:
    documents = made(more_than, 240)
    stages = [{"repeated_lines": {"unit": unit, "more_than": more_than, "keep": keep}}]
    rows = run(tmp_path, [documents[:50], documents[50:52], documents[52:]], stages, batch_rows=9, memory=30_000)
    expected = removed_slowly(documents, {"line": "\n", "paragraph": "\n\n"}[unit], more_than, keep)
    assert [(row["text"], row["repeated_lines.removed"]) for row in rows] == expected
    assert sum(count for _, count in expected) > 20
    assert all(row["text_bytes"] == len(row["text"].encode()) for row in rows)


def test_dropped_documents_and_other_domains_take_no_part(tmp_path: Path) -> None:
    text = "Share this page\nof all"
    parts = [[{"id": "a", "text": text}, {"id": "b", "text": text}], [{"id": "c", "text": "Share this page\nof c"}]]
    rows = run(tmp_path, parts, [{"exact_dedup": {}}, {"repeated_lines": {"domains": ["m0"]}}])
    assert [row["text"] for row in rows] == [text, text, "Share this page\nof c"]
    rows = run(tmp_path, parts, [{"exact_dedup": {}}, {"repeated_lines": {}}])
    assert [row["text"] for row in rows] == [text, text, "of c"]


def test_more_kept_than_may_repeat_is_refused(tmp_path: Path) -> None:
    config = {"output": str(tmp_path / "run"), "stages": [{"repeated_lines": {"more_than": 2, "keep": 3}}]}
    (tmp_path / "a.jsonl").write_text("")
    config["sources"] = [{"name": "a", "format": "jsonl", "path": str(tmp_path / "a.jsonl")}]
    with pytest.raises(InvalidConfigError, match="at most `more_than`"):
        planned(config)
