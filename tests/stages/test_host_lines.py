"""Lines that repeat across a host's pages: which go, and that a run says the same however it is cut."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.engine import rows_of, run_inline


def write_pages(folder: Path, shards: int) -> list[dict[str, Any]]:
    """Pages of three hosts over some files: 12 with a menu, 12 with one of two footers, 3 with the same text."""
    pages = []
    for i in range(12):
        text = f"Home | About | Contact\nWhat page {i} says.\n\n***\n  Home | About | Contact "
        pages.append({"id": f"a{i}", "url": f"http://A.example/{i}", "text": text})
        footer = "Footer of few" if i % 6 == 0 else "Footer of many"
        pages.append({"id": f"b{i}", "url": f"https://b.example:8080/{i}?x", "text": f"Page {i} here.\n***\n{footer}"})
    pages += [{"id": f"c{i}", "url": f"http://c.example/{i}", "text": "Home | About | Contact\nx"} for i in range(3)]
    pages += [{"id": f"n{i}", "text": "Home | About | Contact"} for i in range(9)]
    pages.append({"id": "empty", "url": "http://a.example/e", "text": ""})
    for shard in range(shards):
        lines = [json.dumps(page) + "\n" for i, page in enumerate(pages) if i % shards == shard]
        (folder / f"{shard}.jsonl").write_text("".join(lines))
    return pages


def run(folder: Path, output: Path, stages: list[Any]) -> dict[str, dict[str, Any]]:
    config = {
        "output": str(output),
        "sources": [{"name": "s", "format": "jsonl", "path": str(folder / "*.jsonl")}],
        "stages": stages,
    }
    result = run_inline(config)
    rows = rows_of(result, ["id", "text", "text_bytes", "host_lines.removed"])
    return {row["id"]: row for row in rows}


def test_lines_of_most_pages_go_from_all_of_them(tmp_path: Path) -> None:
    for shards in (1, 4):
        folder = tmp_path / str(shards)
        folder.mkdir()
        pages = write_pages(folder, shards)
        rows = run(folder, folder / "run", [{"host_lines": {}}])
        for i in range(12):
            assert rows[f"a{i}"]["text"] == f"What page {i} says.\n\n***"
            assert rows[f"a{i}"]["host_lines.removed"] == 2
            footer = "\nFooter of few" if i % 6 == 0 else ""
            assert rows[f"b{i}"]["text"] == f"Page {i} here.\n***{footer}"
        for page in pages[24:]:
            assert rows[page["id"]]["text"] == page["text"]
        assert all(row["text_bytes"] == len(row["text"].encode()) for row in rows.values())


def test_the_limits_can_be_set(tmp_path: Path) -> None:
    write_pages(tmp_path, 2)
    rows = run(tmp_path, tmp_path / "one", [{"host_lines": {"min_pages": 2, "share": 0.1}}])
    assert rows["b0"]["text"] == "Page 0 here.\n***"
    assert rows["c0"]["text"] == ""
    rows = run(tmp_path, tmp_path / "two", [{"host_lines": {"min_pages": 13}}])
    assert Counter(row["host_lines.removed"] for row in rows.values()) == {0: len(rows)}


def test_pages_that_were_dropped_before_do_not_count(tmp_path: Path) -> None:
    write_pages(tmp_path, 3)
    # of host c three like pages are left as one
    stages = [{"exact_dedup": {}}, {"host_lines": {"min_pages": 2, "share": 0.1}}]
    rows = run(tmp_path, tmp_path / "run", stages)
    assert {rows[f"c{i}"]["text"] for i in range(3)} == {"Home | About | Contact\nx"}
