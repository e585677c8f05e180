"""Differences of two runs against a plain comparison of their rows."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.inspection.diff.diff import diff_runs
from dspipe.pipeline.inspection.diff.difference import Difference
from dspipe.pipeline.inspection.document_table import DocumentTable
from tests.engine import rows_of, run_inline

LENGTHS = "tests.toys.lengths"
COLUMNS = ["id", "origin", "reason", "text", "text_bytes", "domain", "language", "copies"]
Rows = list[dict[str, Any]]


def write(folder: Path, name: str, texts: list[str], ids: list[str] | None = None) -> dict[str, Any]:
    """One source of one shard; of languages in turn."""
    folder.mkdir(exist_ok=True, parents=True)
    lines = [
        {"id": ids[row] if ids else f"{name}{row}", "text": text, "language": "de" if row % 3 else "en"}
        for row, text in enumerate(texts)
    ]
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    fields = {"language": "language"}
    return {"name": name, "format": "jsonl", "path": str(folder / f"{name}.jsonl"), "domain": name, "fields": fields}


def decided(output: Path, sources: list[dict[str, Any]], minimum: int, **more: Any) -> tuple[DocumentTable, Rows]:
    """A run's table, and its rows."""
    stages = [{LENGTHS: {"minimum": minimum}}, {"exact_dedup": {}}, {"remix": {"multipliers": {"web": 1.5}}}]
    result = run_inline({"name": output.name, "output": str(output), "sources": sources, "stages": stages, **more})
    return DocumentTable.open(str(output)), rows_of(result, COLUMNS)


TEXTS = [f"text of a length {'x' * (n % 17)} {n % 40}" for n in range(90)]
OTHERS = [f"{n} words of another source {'y' * (n % 5)}" for n in range(30)]


def plain(a: Rows, b: Rows) -> dict[tuple[str, str], Counter[str]]:
    """Documents and sums by verdicts."""
    sides = [{(row["origin"], row["id"]): row for row in rows} for rows in (a, b)]
    found: dict[tuple[str, str], Counter[str]] = {}
    for key in {*sides[0], *sides[1]}:
        rows = [side.get(key) for side in sides]
        one, other = ("not there" if row is None else row["reason"] or "kept" for row in rows)
        sums = found.setdefault((one, other), Counter())
        sums["documents"] += 1
        for run, row in zip("ab", rows, strict=True):
            sums[f"bytes_{run}"] += row["text_bytes"] if row else 0
            sums[f"copies_{run}"] += row["copies"] if row else 0
        if all(rows):
            sums["texts_changed"] += rows[0]["text"] != rows[1]["text"]  # type: ignore[index]
    return found


def sums_of(difference: Difference) -> dict[tuple[str, str], Counter[str]]:
    names = ("documents", "bytes_a", "bytes_b", "copies_a", "copies_b", "texts_changed")
    return {
        (flow.a.in_words(), flow.b.in_words()): Counter({name: getattr(flow.measures, name) for name in names})
        for flow in difference.flows
    }


def check_balance(difference: Difference, a: Rows, b: Rows) -> None:
    """Every document of either run is in one flow, and in one group."""
    for rows, counts, kept, state in zip((a, b), difference.documents, difference.kept, "ab", strict=True):
        assert counts[:2] == (len(rows), sum(row["text_bytes"] for row in rows))
        left = [row for row in rows if row["reason"] is None]
        assert kept[:2] == (len(left), sum(row["text_bytes"] for row in left))
        there = [flow for flow in difference.flows if getattr(flow, state).state != "absent"]
        assert sum(flow.measures.documents for flow in there) == len(rows)
    everything = sum(flow.measures.documents for flow in difference.flows)
    kinds = ("kept_in_both", "kept_in_a", "kept_in_b", "other")
    assert sum(getattr(group, kind).documents for group in difference.groups for kind in kinds) == everything
    for flow in difference.flows:
        assert len(flow.samples) == (min(2, flow.measures.documents) if flow.changed else 0)
    assert json.loads(json.dumps(difference.as_json()))["documents"][0][0] == len(a)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> tuple[DocumentTable, Rows, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("before")
    sources = [write(folder / "in", "web", TEXTS), write(folder / "in", "books", OTHERS)]
    table, rows = decided(folder / "a", sources, 24)
    return table, rows, sources


def test_another_threshold(before: tuple[DocumentTable, Rows, list[dict[str, Any]]], tmp_path: Path) -> None:
    a, rows_a, sources = before
    b, rows_b = decided(tmp_path / "b", sources, 28)
    found = diff_runs(a, b, samples=2)
    assert sums_of(found) == plain(rows_a, rows_b)
    check_balance(found, rows_a, rows_b)
    assert found.aligned == len(rows_a) and not found.remarks
    assert found.settings == ((f"stages.{LENGTHS}.minimum", 24, 28),)
    assert any(flow.b.stage == "lengths" and flow.a.state == "kept" for flow in found.flows)
    assert {flow.a.stage for flow in found.flows if flow.a.reason == "remix.not_drawn"} <= {"remix"}
    by_domain = [(group.domain, group.language) for group in found.groups]
    assert sorted(map(str, by_domain)) == sorted(map(str, {(row["domain"], row["language"]) for row in rows_a}))
    same = diff_runs(a, a)
    assert not any(flow.changed for flow in same.flows) and same.documents[0] == same.documents[1]


@pytest.mark.parametrize("memory", [1 << 29, 2000])
def test_joined_where_shards_differ(
    before: tuple[DocumentTable, Rows, list[dict[str, Any]]], tmp_path: Path, memory: int
) -> None:
    """Other batches make other row groups; documents that come, go or are others in the same place; other texts."""
    a, rows_a, _ = before
    texts = [text.replace("length", "LENGTH") if row % 7 == 0 else text for row, text in enumerate(TEXTS)]
    web = write(tmp_path / "in", "web", [*texts, "a new one, of enough characters"], None)
    ids = [f"books{row}" if row != 3 else "another" for row in range(20)]
    books = write(tmp_path / "in", "books", OTHERS[:20], ids)
    b, rows_b = decided(tmp_path / "b", [web, books], 26, engine={"kind": "inline", "batch_rows": 32})
    # places are told below the sources' folder: the same files elsewhere are the same documents
    found = diff_runs(a, b, samples=2, texts=True, memory=memory)
    assert sums_of(found) == plain(rows_a, rows_b)
    check_balance(found, rows_a, rows_b)
    assert found.aligned == 0
    verdicts = {(flow.a.state, flow.b.state): 0 for flow in found.flows}
    assert ("absent", "kept") in verdicts and any(a != "absent" and b == "absent" for a, b in verdicts)
    assert sum(flow.measures.texts_changed for flow in found.flows) == 13 and found.changed_texts
    unread = diff_runs(a, b, samples=2, memory=memory)
    assert sum(flow.measures.texts_changed for flow in unread.flows) == 0


def test_ids_that_repeat(tmp_path: Path) -> None:
    """Documents with one id for all are told apart by their places."""
    runs = []
    for name, minimum, batch_rows in (("a", 24, 4096), ("b", 30, 16)):
        source = write(tmp_path / "in", "web", TEXTS, ["the same"] * len(TEXTS))
        runs.append(decided(tmp_path / name, [source], minimum, engine={"kind": "inline", "batch_rows": batch_rows}))
    (a, rows_a), (b, rows_b) = runs
    found = diff_runs(a, b, samples=2)
    assert found.aligned == 0
    assert sums_of(found) == plain(rows_a, rows_b)
    check_balance(found, rows_a, rows_b)


def test_runs_of_other_sources(before: tuple[DocumentTable, Rows, list[dict[str, Any]]], tmp_path: Path) -> None:
    sources, output = [write(tmp_path / "in", "news", TEXTS[:20])], str(tmp_path / "b")
    run_inline({"output": output, "sources": sources, "stages": [{LENGTHS: {}}]})
    found = diff_runs(before[0], DocumentTable.open(output))
    assert found.documents[1].documents == 20
    assert all("absent" in (flow.a.state, flow.b.state) for flow in found.flows)
    assert any("no document is in both runs" in remark for remark in found.remarks)


def test_settings_of_stages_of_one_kind_and_of_a_run_without_its_config(tmp_path: Path) -> None:
    tables = []
    for number in (1, 2):
        stages = [{"where": {"name": name, "keep": f"text_bytes > {n}"}} for name, n in (("one", number), ("two", 0))]
        output, source = tmp_path / f"run{number}", write(tmp_path / "in", "s", ["a", "bb", "ccc"])
        run_inline({"output": str(output), "sources": [source], "stages": stages})
        tables.append(DocumentTable.open(str(output)))
    found = diff_runs(tables[0], tables[1])
    assert found.settings == (("stages.one.keep", "text_bytes > 1", "text_bytes > 2"),)
    assert not found.remarks
    (tmp_path / "run2" / "config.yaml").unlink()
    found = diff_runs(tables[0], tables[1])
    assert found.settings == ()
    assert found.remarks == (
        "config.yaml of run b is gone or was changed: in which settings the runs differ isn't known",
    )
    # known all the same
    assert found.kept[0].documents == 2 and found.kept[1].documents == 1
