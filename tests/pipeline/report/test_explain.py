"""Looking at a run: statistics, one document's way, checksums, the plan."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dspipe.pipeline.errors import DocumentNotFoundError, RunNotFoundError
from dspipe.pipeline.plan.show import print_plan
from dspipe.pipeline.report.explain import explain, print_explanation
from dspipe.pipeline.report.page import html_page
from dspipe.pipeline.report.run_file import RunFile, read_run
from dspipe.pipeline.report.stats import as_json, print_stats
from dspipe.pipeline.report.verify import verify_files
from dspipe.pipeline.run.summary import PhaseSummary
from tests.engine import planned, run_inline
from tests.pipeline.run.test_run import config, corpus


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in", [["alpha one", "do RAISE here", "abc"], ["alpha one", "beta two"]])
    return config(tmp_path)


def text_of(show: Any, *arguments: Any) -> str:
    out = io.StringIO()
    show(*arguments, Console(file=out, width=160))
    return out.getvalue()


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
    page = html_page(run)
    assert page.startswith("<!DOCTYPE html>")
    # of 3 documents, one is another's copy
    assert '<div class="line bar" style="--share:33.33%">33.3%</div>' in page
    assert 'class="alarms"' not in page
    with pytest.raises(RunNotFoundError, match=r"holds no run \(there is no run.json\)"):
        read_run(toy["output"] + "x")


def test_a_page_puts_alarms_first_and_shows_what_documents_say_as_text() -> None:
    notes = {
        "cluster sizes": [{"at least": 2, "clusters": 8}, {"at least": 4, "clusters": 2}],
        "alarms": [{"name": "<script>alert(1)</script>", "share": 0.95}],
    }
    report = PhaseSummary("dedup.report", "once", ["dedup"], 1, 0, 1.0, 1, {}, [], [], notes, None)
    run = RunFile("a & b", False, 1, {}, [report], ["pack"], {})
    page = html_page(run)
    assert "<h1>a &amp; b</h1>" in page
    assert "<script>" not in page
    assert page.index("&lt;script&gt;alert(1)") < page.index("Funnel") < page.index("dedup.report: cluster sizes")
    assert '--share:95.00%">0.95' in page
    assert '--share:25.00%">2<' in page  # a quarter of the highest bar


def test_one_documents_way(toy: dict[str, Any]) -> None:
    run_inline(toy)
    store, run = read_run(toy["output"])
    (story,) = explain(store, run, "1-0")
    assert story.chapters["documents"]["text"] == "alpha one"
    assert story.chapters["documents"]["place"].endswith("line 1")
    assert story.chapters["unique.verdicts"] == {"reason": "unique.repeated"}
    assert "dropped by unique.verdicts: unique.repeated" in text_of(print_explanation, [story])
    (bad,) = explain(store, run, "0-1")
    assert "this text can't be measured" in bad.chapters["quarantine"]["error"]
    (kept,) = explain(store, run, "1-1")
    assert "kept" in text_of(print_explanation, [kept])
    with pytest.raises(DocumentNotFoundError, match="no document with the id or URL 7-7"):
        explain(store, run, "7-7")


def test_verify_finds_what_was_changed_cut_or_removed(toy: dict[str, Any]) -> None:
    run_inline(toy)
    assert verify_files(toy["output"]).problems == []
    files = sorted(Path(toy["output"]).glob("*/*.parquet"))
    data = bytearray(files[0].read_bytes())
    data[len(data) // 2] ^= 1
    files[0].write_bytes(data)
    files[1].write_bytes(files[1].read_bytes()[:-1])
    files[2].unlink()
    problems = verify_files(toy["output"]).problems
    assert len(problems) == 3
    assert any("its checksum differs" in line for line in problems)
    assert any("its manifest says" in line for line in problems)
    assert any("the file is gone" in line for line in problems)


def test_a_removed_file_is_made_again(toy: dict[str, Any]) -> None:
    run_inline(toy)
    next(Path(toy["output"]).glob("judge/*.parquet")).unlink()
    assert run_inline(toy).tasks_run == 1
    assert verify_files(toy["output"]).problems == []


def test_the_plan_says_what_is_done(toy: dict[str, Any], tmp_path: Path) -> None:
    before = text_of(print_plan, planned(toy))
    assert "to do" in before
    assert " waits " in before
    run_inline(toy)
    after = text_of(print_plan, planned(toy))
    assert "to do" not in after
    (tmp_path / "in" / "2.jsonl").write_text('{"id": "2-0", "text": "gamma three"}\n')
    assert "2 done" in text_of(print_plan, planned(toy))
