"""Long passages that repeat: which bytes go, by a dictionary of all windows."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from pipeline.slices import received_slices
from tests.engine import rows_of, run_inline

COLUMNS = ["id", "text", "text_bytes", "reason", "repeated_spans.removed", "repeated_spans.spans"]


def gone_slowly(texts: list[bytes], least: int, keep: int) -> list[list[bool]]:
    """For each byte of each text: whether it goes."""
    places: dict[bytes, list[tuple[int, int]]] = {}
    for number, text in enumerate(texts):
        for start in range(len(text) - least + 1):
            places.setdefault(text[start : start + least], []).append((number, start))
    gone = [[False] * len(text) for text in texts]
    for (first, at), *others in places.values():
        later = [(number, start) for number, start in others if number != first or start - at >= least]
        for number, start in [*later, *([(first, at), *others] if later and not keep else [])]:
            gone[number][start : start + least] = [True] * least
    return gone


def cut_slowly(text: str, gone: list[bool]) -> str:
    """The characters of which not all bytes go."""
    left, at = "", 0
    for character in text:
        size = len(character.encode())
        left += "" if all(gone[at : at + size]) else character
        at += size
    return left


def run(tmp_path: Path, parts: list[list[str]], stages: list[Any], **engine: Any) -> list[dict[str, Any]]:
    for number, part in enumerate(parts):
        lines = (json.dumps({"id": f"{number}.{row}", "text": text}) + "\n" for row, text in enumerate(part))
        (tmp_path / f"{number}.jsonl").write_text("".join(lines))
    config = {
        "output": str(tmp_path / "run"),
        "engine": {"kind": "inline", **engine},
        "sources": [
            {"name": f"s{number}", "format": "jsonl", "path": str(tmp_path / f"{number}.jsonl"), "domain": f"m{number}"}
            for number in range(len(parts))
        ],
        "stages": stages,
    }
    return rows_of(run_inline(config), COLUMNS)


def made(seed: int, count: int, alphabet: str, passages: int, longest: int) -> list[str]:
    """Documents of random passages, cut anywhere, between random text."""
    choose = random.Random(seed)
    stock = ["".join(choose.choices(alphabet, k=choose.randint(5, longest))) for _ in range(passages)]
    documents = []
    for _ in range(count):
        parts = []
        for _ in range(choose.randint(0, 5)):
            passage = choose.choice(stock)
            start = choose.randint(0, len(passage))
            parts.append(passage[start : choose.randint(start, len(passage))])
            parts.append("".join(choose.choices(alphabet, k=choose.choice([0, 1, 2, 30]))))
        documents.append("".join(parts))
    return documents


def check(tmp_path: Path, parts: list[list[str]], least: int, keep: int, **engine: Any) -> int:
    """Run and compare with the plain lines; how many bytes went."""
    settings = {"min_bytes": least, "keep": keep, "whole": "character", "min_left": 0}
    rows = run(tmp_path, parts, [{"repeated_spans": settings}], **engine)
    texts = [text for part in parts for text in part]
    gone = gone_slowly([text.encode() for text in texts], least, keep)
    expected = [cut_slowly(text, flags) for text, flags in zip(texts, gone, strict=True)]
    assert [row["text"] for row in rows] == expected
    assert [row["text_bytes"] for row in rows] == [len(text.encode()) for text in expected]
    removed = [len(a.encode()) - len(b.encode()) for a, b in zip(texts, expected, strict=True)]
    assert [row["repeated_spans.removed"] for row in rows] == removed
    return sum(removed)


@pytest.mark.parametrize("keep", [1, 0])
@pytest.mark.parametrize(
    ("least", "alphabet", "memory", "batch_rows"),
    [
        (16, "ab", 10_000_000, 100),
        (16, "abcdefgh ", 20_000, 7),
        (33, "aé漢😀", 10_000_000, 1),
        (200, "ab cd", 50_000, 9),
    ],
)
def test_the_same_bytes_go_as_by_a_dictionary_of_windows(
    tmp_path: Path, least: int, alphabet: str, memory: int, batch_rows: int, keep: int
) -> None:
    documents = made(least, 100, alphabet, 12, 5 * least)
    parts = [documents[:30], documents[30:31], documents[31:]]
    assert check(tmp_path, parts, least, keep, memory=memory, batch_rows=batch_rows) > 500


@pytest.mark.parametrize("keep", [1, 0])
def test_an_anchor_that_is_everywhere_is_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int) -> None:
    slices = []

    def spied(task: Any, count: int, place: Any) -> Any:
        slices.append((task.spec.phase, count > 1))
        return received_slices(task, count, place)

    monkeypatch.setattr("stages.dedup.span_search.received_slices", spied)
    monkeypatch.setattr("stages.dedup.records.MOST_PARTITIONS", 8)
    documents = made(1, 100, "ab", 12, 80)
    assert check(tmp_path, [documents[:50], documents[50:]], 16, keep, memory=8000, batch_rows=5) > 500
    assert {("repeated_spans.match", True), ("repeated_spans.compare", True)} <= set(slices)
