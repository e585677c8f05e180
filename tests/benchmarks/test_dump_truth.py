"""What was removed, beside what are copies: on a run and a truth of a few documents."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import dump_truth
from benchmarks.engine import run_config
from tools.crawl.write import TRUTH

PAGES = {"a1": (1, "d1", "original", 1.0), "a2": (1, "d1", "exact", 1.0), "a3": (1, "d2", "near", 0.92)}
OTHERS = {"b1": (2, "d1", "original", 1.0), "c1": (3, "d2", "original", 1.0), "c2": (3, "d2", "near", 0.55)}


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    rows = [
        {"id": id, "url": id, "dump": dump, "page": page, "kind": kind, "alike": alike}
        | {"language": "en", "broken": "", "html_bytes": 1, "copy_of": None}
        for id, (page, dump, kind, alike) in (PAGES | OTHERS).items()
    ]
    (tmp_path / "truth").mkdir()
    pq.write_table(pa.Table.from_pylist(rows, TRUTH), tmp_path / "truth" / "0.parquet")
    return tmp_path


def compared(
    monkeypatch: pytest.MonkeyPatch, crawl: Path, removed: dict[str, str | None], per_dump: bool = False
) -> Any:
    ids = [*PAGES, *OTHERS, "of another source"]
    found = pa.table(
        {
            "id": ids,
            "removed": [id in removed for id in ids],
            "keeper": pa.array([removed.get(id) for id in ids], pa.string()),
        }
    )
    monkeypatch.setattr(dump_truth, "documents", lambda runs, stages: found)
    return dump_truth.compare(crawl, ["run"], per_dump=per_dump)


def test_all_that_are_copies_were_removed(monkeypatch: pytest.MonkeyPatch, crawl: Path) -> None:
    found = compared(monkeypatch, crawl, {"a2": "a1", "a3": "a1", "c2": "c1"})
    all_dumps = found["by number of dumps"]["2"]
    assert all_dumps == {
        "documents": 6,
        "removed": 0.5,
        "truth": 0.5,
        "all captures": 0.5,
        "recall": 1.0,
        "precision": 1.0,
    }
    assert found["by number of dumps"]["1"]["truth"] == pytest.approx(1 / 3)
    assert found["by likeness"]["near, 0.9 to 0.95"] == {"copies": 1, "removed": 1.0}


def test_a_miss_and_a_page_that_is_no_copy_are_seen(monkeypatch: pytest.MonkeyPatch, crawl: Path) -> None:
    found = compared(monkeypatch, crawl, {"a2": "a1", "a3": "a1", "b1": "a1"})
    all_dumps = found["by number of dumps"]["2"]
    assert all_dumps["recall"] == pytest.approx(2 / 3)
    assert all_dumps["precision"] == pytest.approx(2 / 3)
    assert found["by likeness"]["near, 0.5 to 0.6"] == {"copies": 1, "removed": 0.0}


def test_another_one_may_stay(monkeypatch: pytest.MonkeyPatch, crawl: Path) -> None:
    found = compared(monkeypatch, crawl, {"a1": "a2", "a3": "a2", "c1": "c2"})
    assert found["by number of dumps"]["2"]["recall"] == 1.0


def test_where_no_one_is_named_that_was_kept_the_first_one_of_a_page_is_no_copy(
    monkeypatch: pytest.MonkeyPatch, crawl: Path
) -> None:
    found = compared(monkeypatch, crawl, {"a1": None, "a2": None, "c2": None})
    all_dumps = found["by number of dumps"]["2"]
    assert all_dumps["recall"] == all_dumps["precision"] == pytest.approx(2 / 3)


def test_where_nothing_is_left_of_a_page_one_was_removed_for_nothing(
    monkeypatch: pytest.MonkeyPatch, crawl: Path
) -> None:
    found = compared(monkeypatch, crawl, {"a1": "a2", "a2": None, "a3": None})
    all_dumps = found["by number of dumps"]["2"]
    assert all_dumps["recall"] == all_dumps["precision"] == pytest.approx(2 / 3)


def test_each_dump_by_itself(monkeypatch: pytest.MonkeyPatch, crawl: Path) -> None:
    found = compared(monkeypatch, crawl, {"a2": "a1", "a3": "a1", "c2": "c1"}, per_dump=True)
    all_dumps = found["by number of dumps"]["2"]
    assert all_dumps["truth"] == pytest.approx(1 / 3)
    assert all_dumps["recall"] == 1.0
    assert all_dumps["precision"] == pytest.approx(2 / 3)


def test_two_stages_that_drop_for_the_same_reason_are_told_apart(tmp_path: Path) -> None:
    lines = [f"This is line number {word} of a page." for word in ("one", "two", "three", "four", "five", "six")]
    texts = {"a": lines[:3], "short": lines[5:], "again": lines[:3], "copied": [*lines[:2], lines[4]]}
    rows = [json.dumps({"id": id, "url": id[0], "text": "\n".join(text)}) for id, text in texts.items()]
    (tmp_path / "pages.jsonl").write_text("\n".join(rows))
    heuristics = {"rules": ["c4"]}
    run_config(
        {
            "output": str(tmp_path / "run"),
            "sources": [{"name": "pages", "format": "jsonl", "path": str(tmp_path / "pages.jsonl")}],
            "stages": [
                {"heuristics": heuristics},
                {"exact_dedup": {"by": ["url"]}},
                {"repeated_lines": {"more_than": 1, "keep": 1}},
                {"heuristics": {"name": "heuristics.left", **heuristics}},
            ],
        }
    )
    stages = ("exact_dedup", "repeated_lines", "heuristics.left")
    found = dump_truth.documents([str(tmp_path / "run")], stages).to_pylist()
    assert [(row["id"], row["removed"], row["keeper"]) for row in found] == [
        ("a", False, None),
        ("again", True, "a"),
        ("copied", True, None),
    ]
