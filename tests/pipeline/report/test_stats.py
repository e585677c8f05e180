"""The statistics of a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import RunNotFoundError
from dspipe.pipeline.report.stats import as_json, print_funnel, print_stats, sections
from dspipe.pipeline.report.tables import Table
from dspipe.pipeline.run.run_file import RunFile, read_run
from dspipe.pipeline.run.summary import ALARMS, PhaseSummary
from tests.engine import run_inline
from tests.pipeline.report.shown import text_of
from tests.pipeline.run.test_run import config, corpus


def test_statistics_of_a_run(toy: dict[str, Any]) -> None:
    run_inline(toy)
    _, run = read_run(toy["output"])
    text = text_of(print_stats, run)
    assert "test  2 shards, finished" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["quarantined", "1", "20.0%"] in rows
    assert ["lengths.too_short", "1", "25.0%", "3", "B"] in rows
    assert ["unique.repeated", "1", "33.3%", "9", "B"] in rows
    stages = [["read", "4", "80.0%", "1", "29", "B"], ["lengths", "3", "60.0%", "1", "26", "B"]]
    stages.append(["unique", "2", "40.0%", "1", "17", "B"])
    at = rows.index(stages[0])
    assert rows[at : at + 3] == stages
    assert "unique.report: documents: 4" in text
    assert "toys" in text
    assert json.loads(as_json(run))["phases"][0]["counters"] == {"quarantined": 1, "read": 5}
    with pytest.raises(RunNotFoundError, match=r"holds no run \(there is no run.json\)"):
        read_run(toy["output"] + "x")


def run_with(notes: dict[str, Any]) -> RunFile:
    report = PhaseSummary("dedup.report", "once", ["dedup"], 1, 0, 1.0, 1, {}, [], [], notes, None)
    return RunFile("x", True, 1, {}, [report], [], {})


def test_notes_become_tables_or_lines() -> None:
    notes = {
        "largest": [{"documents": 1200, "id": "a[/b]"}, {"documents": 7, "id": "b", "url": "http://x.example"}],
        "rates": {"web": 0.25, "books": 1.0},
        "count": 12345,
        "nothing": [],
    }
    items = [item for section in sections(run_with(notes)) for item in section.items]
    found = {item.title if isinstance(item, Table) else item: item for item in items}
    largest = found["dedup.report: largest"]
    assert isinstance(largest, Table)
    assert list(largest.columns) == ["documents", "id", "url"]
    assert [list(row) for row in largest.rows] == [["1,200", "a[/b]", ""], ["7", "b", "http://x.example"]]
    assert largest.numbers == {0}
    rates = found["dedup.report: rates"]
    assert isinstance(rates, Table)
    assert [list(row) for row in rates.rows] == [["web", "0.25"], ["books", "1"]]
    assert {"dedup.report: count: 12,345", "dedup.report: nothing: []"} <= found.keys()
    assert "a[/b]" in text_of(print_stats, run_with(notes))


def test_alarms_stand_first() -> None:
    run = run_with({"count": 1, ALARMS: [{"name": "x", "share": 0.95}]})
    first, *rest = sections(run)
    assert (first.title, [section.title for section in rest]) == ("Alarms", ["Documents", "dedup", "Work"])
    assert sections(run_with({ALARMS: []}))[0].title == "Documents"


def test_what_was_bad_and_what_is_dropped_are_told_by_source_and_domain(tmp_path: Path) -> None:
    """A source and a domain that lose much don't vanish in the average."""
    corpus(tmp_path / "in", [[f"a good long text {n}" for n in range(30)]])
    code: list[dict[str, Any]] = [{"text": f"x{n}", "domain": "code"} for n in range(6)]
    code.append({"text": "a good function", "domain": "code"})
    code += [{"txt": 1}, {"txt": 2}, {"text": "do RAISE"}]
    (tmp_path / "code.jsonl").write_text("".join(json.dumps(row) + "\n" for row in code))
    values = config(tmp_path)
    values["sources"].append({"name": "code", "format": "jsonl", "path": "code.jsonl", "root": str(tmp_path)})
    run_inline(values)
    _, run = read_run(values["output"])
    lines = [line.split() for line in text_of(print_funnel, run).splitlines()]
    (kept_in,) = (tmp_path / "out" / "documents").glob("*.quarantine.jsonl")
    path = f"documents/{kept_in.name}"
    bad = [json.loads(line) for line in kept_in.read_text().splitlines()]
    assert {entry["text"] for entry in bad} == {'{"txt": 1}', '{"txt": 2}', "do RAISE"}
    assert ["code", "code.jsonl", "2", "no", "field", "'text';", "there", "are", "txt", path] in lines
    failed = ["stage", "lengths:", "ValueError:", "this", "text", "can't", "be", "measured"]
    assert ["code", "code.jsonl", "1", *failed, path] in lines
    assert ["code", "lengths.too_short", "6", "of", "7", "85.7%"] in lines
    by_source = [line.split() for line in text_of(lambda run, to: print_stats(run, to, "source"), run).splitlines()]
    assert ["toy", "lengths", "30", "100.0%", "0"] in by_source
    assert ["code", "read", "7", "70.0%", "3", "quarantined"] in by_source
    assert ["code", "lengths", "1", "10.0%", "6", "lengths.too_short", "85.7%"] in by_source
    by_domain = [line.split() for line in text_of(lambda run, to: print_stats(run, to, "domain"), run).splitlines()]
    assert ["code", "lengths", "1", "14.3%", "6", "lengths.too_short", "85.7%"] in by_domain
    assert ["toys", "unique", "21", "70.0%", "9", "unique.repeated", "30.0%"] in by_domain
    found = json.loads(as_json(run))
    assert found["funnel_by_source"]["code"][0]["dropped"] == {"lengths.too_short": [6, 12, 0]}
    assert found["funnel_by_domain"]["toys"][1]["kept"][0] == 21
    assert [section.title for section in sections(run)][:2] == ["Alarms", "Documents"]
