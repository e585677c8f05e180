"""The engine end to end, with small stages: results, conservation, resume."""

import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import RunFailedError
from dspipe.pipeline.funnel import Counts
from tests.engine import artifact_files, rows_of, run_inline, tasks_run

TEXTS = [["alpha one", "beta two", "abc"], ["alpha one", "gamma three", "beta two", "x"], ["delta four"]]


def corpus(folder: Path, shards: list[list[str]] = TEXTS) -> str:
    folder.mkdir(exist_ok=True)
    for number, texts in enumerate(shards):
        lines = [json.dumps({"id": f"{number}-{row}", "text": text}) for row, text in enumerate(texts)]
        (folder / f"{number}.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return str(folder / "*.jsonl")


def config(tmp_path: Path, **lengths: Any) -> dict[str, Any]:
    return {
        "output": str(tmp_path / "out"),
        "sources": [{"name": "toy", "format": "jsonl", "path": str(tmp_path / "in" / "*.jsonl"), "domain": "toys"}],
        "stages": [{"tests.toys.lengths": lengths}, {"tests.toys.unique": {}}],
    }


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in")
    return config(tmp_path)


def test_verdicts_and_funnel(toy: dict[str, Any]) -> None:
    result = run_inline(toy)
    rows = rows_of(result, ["text", "reason"])
    assert [(row["text"], row["reason"]) for row in rows] == [
        ("alpha one", None),
        ("beta two", None),
        ("abc", "lengths.too_short"),
        ("alpha one", "unique.repeated"),
        ("gamma three", None),
        ("beta two", "unique.repeated"),
        ("x", "lengths.too_short"),
        ("delta four", None),
    ]
    funnels = {entry.stage: entry for phase in result.phases for entry in phase.funnel}
    assert funnels["lengths"].entered == (8, 59, 0)
    assert funnels["lengths"].dropped == {"lengths.too_short": Counts(2, 4, 0)}
    assert funnels["unique"].dropped == {"unique.repeated": Counts(2, 17, 0)}
    assert funnels["unique"].kept == (4, 38, 0)
    assert funnels["unique"].domains == {"toys": Counts(4, 38, 0)}
    assert json.loads(artifact_files(result, "report")[0].read_text())["documents"] == 8
    assert json.loads(Path(result.store.path("report.json")).read_text())["documents"] == 8


def test_a_stage_may_stand_twice(tmp_path: Path) -> None:
    values = {
        **config(tmp_path),
        "sources": [{"name": "t", "format": "jsonl", "path": corpus(tmp_path / "in", [["aab", "abb", "ab"]])}],
    }
    marks: list[dict[str, Any]] = [
        {"tests.toys.marks": {"mark": "a"}},
        {"tests.toys.marks": {"name": "other", "mark": "b"}},
    ]
    result = run_inline({**values, "stages": marks})
    found = rows_of(result, ["marks.count", "other.count", "reason"])
    assert [tuple(row.values()) for row in found] == [(2, 1, "marks.too_many"), (1, 2, "other.too_many"), (1, 1, None)]
    assert [entry.stage for phase in result.phases for entry in phase.funnel] == ["marks", "other"]
    marks[1]["tests.toys.marks"]["at_most"] = 2
    assert tasks_run(run_inline({**values, "stages": marks})) == {"judge": 1}


def test_a_second_run_does_nothing(toy: dict[str, Any]) -> None:
    first, second = run_inline(toy), run_inline(toy)
    assert first.tasks_run > 0
    assert second.tasks_run == 0


def test_a_threshold_runs_only_what_depends_on_it(toy: dict[str, Any], tmp_path: Path) -> None:
    run_inline(toy)
    again = run_inline({**toy, "stages": [{"tests.toys.lengths": {"minimum": 9}}, {"tests.toys.unique": {}}]})
    ran = tasks_run(again)
    assert "documents" not in ran
    assert ran["judge"] == 3
    # shard 2's verdicts come out as they were, so its emit isn't run again
    assert ran["unique.emit"] == 2
    assert "unique.report" in ran


def test_a_threshold_that_changes_no_verdict_stops_there(toy: dict[str, Any]) -> None:
    run_inline(toy)
    again = run_inline({**toy, "stages": [{"tests.toys.lengths": {"minimum": 4}}, {"tests.toys.unique": {}}]})
    assert tasks_run(again) == {"judge": 3}


def test_a_new_shard_is_the_only_one_read(toy: dict[str, Any], tmp_path: Path) -> None:
    run_inline(toy)
    (tmp_path / "in" / "0a.jsonl").write_text('{"id": "new", "text": "delta four"}\n', "utf-8")
    again = run_inline(toy)
    ran = tasks_run(again)
    assert (ran["documents"], ran["judge"], ran["unique.emit"]) == (1, 1, 1)
    fresh = run_inline({**toy, "output": str(tmp_path / "fresh")})
    assert rows_of(again, ["id", "reason"]) == rows_of(fresh, ["id", "reason"])


def test_stale_results_are_removed_when_a_run_ends(toy: dict[str, Any]) -> None:
    run_inline(toy)
    result = run_inline({**toy, "stages": [{"tests.toys.lengths": {"minimum": 9}}, {"tests.toys.unique": {}}]})
    folder = Path(result.store.path("judge"))
    assert len(list(folder.glob("*.manifest.json"))) == 3
    assert len(list(folder.glob("*.parquet"))) == 3


def test_a_lost_document_stops_the_run(toy: dict[str, Any], tmp_path: Path) -> None:
    corpus(tmp_path / "in", [["alpha one", "please LOSE me", "beta two"]])
    with pytest.raises(RunFailedError, match="document 0-1 is missing"):
        run_inline(toy)
    corpus(tmp_path / "in")
    with pytest.raises(RunFailedError, match=r"4 documents went in and 3 came out; the first one missing is 1-3"):
        run_inline({**toy, "stages": [{"tests.toys.unique": {"lose": True}}]})


def test_a_changed_verdict_stops_the_run(toy: dict[str, Any]) -> None:
    with pytest.raises(RunFailedError, match=r"document 1-3 was dropped before \(lengths.too_short\) and is now None"):
        run_inline({**toy, "stages": [{"tests.toys.lengths": {}}, {"tests.toys.unique": {"change": True}}]})


def test_a_document_that_fails_is_quarantined(toy: dict[str, Any], tmp_path: Path) -> None:
    corpus(tmp_path / "in", [["alpha one", "do RAISE here", "beta two", "gamma three"]])
    result = run_inline(toy)
    assert [row["id"] for row in rows_of(result, ["id"])][:3] == ["0-0", "0-2", "0-3"]
    (line,) = next(Path(result.store.path("documents")).glob("*.quarantine.jsonl")).read_text().splitlines()
    entry = json.loads(line)
    assert entry["id"] == "0-1"
    assert entry["stage"] == "lengths"
    assert "this text can't be measured" in entry["error"]
    assert entry["place"].endswith("line 2")


def test_early_stores_no_text_of_what_is_dropped(toy: dict[str, Any], tmp_path: Path) -> None:
    late = run_inline(toy)
    stages = [{"tests.toys.lengths": {"early": True}}, {"tests.toys.unique": {}}]
    early = run_inline({**toy, "stages": stages, "output": str(tmp_path / "early")})
    assert rows_of(early, ["id", "reason"]) == rows_of(late, ["id", "reason"])
    texts = {row["id"]: row["text"] for row in rows_of(early, ["id", "text"])}
    assert (texts["0-0"], texts["0-2"]) == ("alpha one", None)


def test_another_runs_output_is_refused(toy: dict[str, Any]) -> None:
    from dspipe.pipeline.config.problems import InvalidConfigError

    run_inline(toy)
    with pytest.raises(InvalidConfigError, match="holds the run 'test'"):
        run_inline(toy, name="other")


def test_a_stage_can_be_for_some_domains(toy: dict[str, Any], tmp_path: Path) -> None:
    for early in (False, True):
        stages = [{"tests.toys.lengths": {"domains": ["books"], "early": early}}]
        result = run_inline({**toy, "stages": stages, "output": str(tmp_path / f"books-{early}")})
        assert {row["reason"] for row in rows_of(result, ["reason"])} == {None}
        stages = [{"tests.toys.lengths": {"domains": ["toys", "books"], "early": early}}]
        result = run_inline({**toy, "stages": stages, "output": str(tmp_path / f"toys-{early}")})
        assert [row["reason"] for row in rows_of(result, ["reason"])].count("lengths.too_short") == 2


def test_lines_may_go_between_two_decisions(toy: dict[str, Any], tmp_path: Path) -> None:
    """A stage that shortens documents changes their bytes, and is no loss."""
    pages = [{"id": str(n), "url": f"http://a.org/{n}", "text": f"Home | About\npage {n}"} for n in range(6)]
    for file in (tmp_path / "in").iterdir():
        file.unlink()
    (tmp_path / "in" / "pages.jsonl").write_text("".join(f"{json.dumps(page)}\n" for page in pages))
    stages: list[Any] = [{"tests.toys.lengths": {}}, {"host_lines": {}}, {"tests.toys.unique": {}}]
    result = run_inline({**toy, "stages": stages})
    assert [row["text"] for row in rows_of(result, ["text"])] == [f"page {n}" for n in range(6)]
    funnels = {entry.stage: entry for phase in result.phases for entry in phase.funnel}
    assert funnels["unique"].entered.bytes == funnels["lengths"].kept.bytes - 6 * len("Home | About\n")


def test_a_file_at_the_top_goes_with_its_stage(toy: dict[str, Any]) -> None:
    published = Path(run_inline(toy).store.path("report.json"))
    content = published.read_bytes()
    run_inline({**toy, "seed": 5})
    assert published.read_bytes() == content
    run_inline({**toy, "stages": toy["stages"][:1]})
    assert not published.exists()
