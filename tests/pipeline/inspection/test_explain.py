"""One document's way through a run."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import DamagedFileError, DocumentNotFoundError
from dspipe.pipeline.inspection.explain import explain
from dspipe.pipeline.report.show_explanation import print_explanation
from dspipe.pipeline.run.run_file import read_run
from tests.engine import run_inline
from tests.pipeline.report.shown import text_of


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
    assert bad.chapters["quarantine"]["text"] == "do RAISE here"
    assert explain(store, run, bad.chapters["quarantine"]["place"]) == [bad]
    (kept,) = explain(store, run, "1-1")
    assert "kept" in text_of(print_explanation, [kept])
    with pytest.raises(DocumentNotFoundError, match="no document with the id or URL 7-7"):
        explain(store, run, "7-7")


def test_a_run_that_is_not_whole(toy: dict[str, Any]) -> None:
    stages = [*toy["stages"], {"tests.toys.tokenizer": {}}, {"pack": {"length": 16}}]
    run_inline({**toy, "stages": stages})
    store, run = read_run(toy["output"])
    (story,) = explain(store, run, "1-1")
    assert story.chapters["pack"].keys() == {"copy 0, token 0", "the first 9 tokens"}
    (Path(toy["output"]) / "index.json").write_text("{}")
    (story,) = explain(store, run, "1-1")
    assert "is no manifest of packed shards" in story.chapters["pack"]["not known"]
    for file in Path(toy["output"]).glob("judge/*.parquet"):
        file.unlink()
    with pytest.raises(DamagedFileError, match="is gone"):
        explain(store, run, "0-0")


def test_limits_stand_beside_columns_and_the_one_that_dropped_is_marked(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "too few words here", "url": "http://a.example/page/"}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"name": "s", "format": "jsonl", "path": str(tmp_path / "in.jsonl")}
    rules = {"rules": ["gopher"], "gopher": {"min_stop_words": 9}}
    run_inline({"output": str(tmp_path / "out"), "sources": [source], "stages": [{"heuristics": rules}]})
    store, run = read_run(str(tmp_path / "out"))
    for url in ("http://a.example/page/", "https://a.example/page", "a.example/page"):
        (story,) = explain(store, run, url)
    shown = {line.split()[0]: line for line in text_of(print_explanation, [story]).split("\n") if line.strip()}
    assert shown["heuristics.words"].endswith("at least 50 <- dropped for this, at most 100,000")
    assert shown["heuristics.stop_words"].endswith("at least 9 <- not met")
    assert shown["heuristics.bullet_lines"].endswith("at most 0.9")
    with pytest.raises(DocumentNotFoundError):
        explain(store, run, "a.example/other")


def test_before_the_first_phase_has_ended(toy: dict[str, Any]) -> None:
    run_inline(toy)
    store, run = read_run(toy["output"])
    begun = replace(run, finished=False, phases=[], to_come=[phase.name for phase in run.phases])
    (story,) = explain(store, begun, "1-0")
    assert list(story.chapters) == ["documents"]
    assert story.verdict() == "undecided: not dropped so far, and the run isn't finished"
    with pytest.raises(DocumentNotFoundError, match=r"in the 2 of 2 shards that are read so far"):
        explain(store, begun, "7-7")
