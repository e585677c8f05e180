"""Columns that sources take along: through runs, beside each other, and against those of stages."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError, Locator
from dspipe.pipeline.config.run_config import parse_values
from dspipe.pipeline.plan.checked_plan import make_checked_plan
from dspipe.pipeline.run.run import RunResult
from tests.engine import planned, rows_of, run_inline, tasks_run

KEEP = {"where": {"keep": {"low": "edu >= 2 or edu is null", "not_math": "topic = 'math'"}}}


def jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def config(folder: Path, **values: Any) -> dict[str, Any]:
    """A source of JSON lines and one of Parquet; the second has no `topic`."""
    rows: list[dict[str, Any]] = [
        {"id": "a", "text": "x y", "meta": {"edu": 3}, "topic": "math"},
        {"id": "b", "text": "x z", "meta": {"edu": 1.5}, "topic": "math"},
        {"id": "c", "text": "x w", "topic": "art"},
    ]
    if not (folder / "in").exists():
        jsonl(folder / "in" / "a.jsonl", rows)
        pq.write_table(
            pa.table({"text": ["p", "q"], "score": pa.array([5, 0], pa.int8())}), folder / "in" / "b.parquet"
        )
    columns = {"edu": "meta.edu", "topic": {"field": "topic", "type": "string"}}
    root = f"{folder / 'in'}/"
    sources = [
        {"name": "j", "format": "jsonl", "root": root, "path": "*.jsonl", "columns": columns},
        {"name": "p", "format": "parquet", "root": root, "path": "*.parquet", "columns": {"edu": "score"}},
    ]
    return {"output": str(folder / "out"), "sources": sources, "stages": [KEEP], **values}


def found(result: RunResult) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows_of(result, ["edu", "topic", "reason"])]


EXPECTED = [
    (3.0, "math", None),
    (1.5, "math", "where.low"),
    (None, "art", "where.not_math"),
    (5.0, None, "where.not_math"),
    (0.0, None, "where.low"),
]


def test_documents_take_columns_along_that_stages_decide_by(tmp_path: Path) -> None:
    result = run_inline(config(tmp_path))
    assert found(result) == EXPECTED
    # an edit of the condition judges anew and reads nothing
    again = run_inline(config(tmp_path, stages=[{"where": {"keep": "edu > 2"}}]))
    assert tasks_run(again) == {"judge": 2}
    assert [reason for *_, reason in found(again)] == [None, *["where.not_chosen"] * 2, None, "where.not_chosen"]
    # other columns are another reading, of that source alone
    values = config(tmp_path)
    values["sources"][1]["columns"] = {"edu": {"field": "score", "type": "number"}}
    assert tasks_run(run_inline(values)) == {"judge": 2}
    values["sources"][1] |= {"columns": {}, "language": "en"}
    assert tasks_run(run_inline(values))["documents"] == 1


def test_a_quantile_and_a_mixture_by_a_column(tmp_path: Path) -> None:
    stages = [{"quality": {"column": "edu", "drop_lowest": 0.5}}, {"remix": {"by": "topic", "max_epochs": 1}}]
    result = run_inline(config(tmp_path, stages=stages))
    assert [reason for *_, reason in found(result)] == [
        None,
        None,
        "quality.low_quantile",  # no score is the lowest
        None,
        "quality.low_quantile",
    ]
    assert [row["remix.domain"] for row in rows_of(result, ["remix.domain"])][::3] == ["math", "unknown"]


def test_scores_below_0_have_quantiles_too(tmp_path: Path) -> None:
    rows = [{"text": str(n), "logp": -n} for n in range(10)]
    jsonl(tmp_path / "in" / "a.jsonl", rows)
    source = {"name": "j", "format": "jsonl", "path": str(tmp_path / "in" / "a.jsonl"), "columns": ["logp"]}
    stages = [{"quality": {"column": "logp", "drop_lowest": 0.3}}]
    result = run_inline({"output": str(tmp_path / "out"), "sources": [source], "stages": stages})
    assert [row["reason"] for row in rows_of(result, ["reason"])] == [None] * 7 + ["quality.low_quantile"] * 3


def test_records_with_other_values_are_quarantined(tmp_path: Path) -> None:
    values = config(tmp_path, engine={"kind": "inline", "max_quarantined": 0.9})
    good = {"text": "long", "meta": {"edu": 1}, "topic": "art"}
    jsonl(tmp_path / "in" / "c.jsonl", [good, {**good, "meta": {"edu": "high"}}, {**good, "topic": ["a"]}])
    pq.write_table(pa.table({"text": ["p"], "other": [1]}), tmp_path / "in" / "c.parquet")
    pq.write_table(pa.table({"text": ["p"], "score": ["high"]}), tmp_path / "in" / "d.parquet")
    run_inline(values)
    lines = [line for path in sorted((tmp_path / "out").glob("documents/*.quarantine.jsonl")) for line in path.open()]
    assert sorted(json.loads(line)["error"] for line in lines) == [
        "no column 'score'; there are other, text",
        "the column 'score' holds string, not a number: say so with `type` if it is meant",
        "the field 'meta.edu' is a string, not a number",
        "the field 'topic' is a list, not a string",
    ]


def plan_problem(values: dict[str, Any]) -> str:
    with pytest.raises(InvalidConfigError) as raised:
        make_checked_plan(parse_values({"name": "x", "engine": "inline", **values}, Locator("c.yaml", {}, {})))
    return str(raised.value)


@pytest.mark.parametrize(
    ("source", "columns", "message"),
    [
        (0, {"edu": "meta.edo"}, "in/a.jsonl has the field 'meta.edo'"),
        (0, {"edu": "topic"}, "the field 'topic' is a string, not a number"),
        (1, {"edu": "scor"}, "no column 'scor'; there are score, text"),
        (1, {"edu": "text"}, "the column 'text' holds string, not a number"),
        (
            0,
            {"url": {"field": "topic", "type": "string"}},
            "every document has a column of this name: name its field in `fields`",
        ),
        (0, {"reason": "meta.edu"}, "every document has a column of this name: choose another name"),
        (1, {"edu": {"field": "score", "type": "integer"}}, "is int64 here, and double in j"),
        (0, {"lengths.length": "meta.edu"}, "the stage lengths makes a column of this name"),
    ],
)
def test_columns_that_cannot_be(tmp_path: Path, source: int, columns: dict[str, Any], message: str) -> None:
    values = config(tmp_path, stages=["tests.toys.lengths"])
    values["sources"][source]["columns"] = columns
    problem = plan_problem(values)
    assert message in problem and f"sources.{'jp'[source]}.columns.{next(iter(columns))}" in problem


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"where": {"keep": "edo > 1"}}, "there is no column edo; did you mean edu"),
        ({"where": {"keep": "edu > 'a'"}}, "edu is a number, 'a' is text"),
        ({"where": {"keep": "edu >"}}, "isn't a condition"),
        ({"where": {"keep": "1 > 0"}}, "names no column"),
        ({"where": {"keep": {}}}, "holds no condition"),
        ({"quality": {"column": "edo", "at_least": 3}}, "there is no column edo; did you mean edu"),
        ({"quality": {"column": "topic", "at_least": 3}}, "topic is string, no number"),
        ({"quality": {"column": "edu"}}, "does nothing with the column"),
        ({"quality": {"column": "edu", "model": "m.bin"}}, "give either `model`"),
        ({"quality": {}}, "give either `model`"),
    ],
)
def test_stages_that_name_columns_wrongly(tmp_path: Path, stage: dict[str, Any], message: str) -> None:
    assert message in plan_problem(config(tmp_path, stages=[stage]))


def test_a_plan_knows_the_columns(tmp_path: Path) -> None:
    documents = planned(config(tmp_path)).phases[0]
    assert documents.written[-2:] == ("edu", "topic")


@pytest.mark.parametrize("name", ["text", "url", "language", "reason", "tokens"])
def test_a_stage_is_not_named_like_a_column_of_documents(name: str, tmp_path: Path) -> None:
    named = {"ensemble": {"name": name, "of": ["edu"]}}
    with pytest.raises(InvalidConfigError, match=rf"stages\.{name}\.name: documents have a column {name} that is"):
        planned(config(tmp_path, stages=[named]))


def test_two_stages_do_not_make_one_column(tmp_path: Path) -> None:
    both = [{"ensemble": {"name": name, "of": ["edu"]}} for name in ("rank", "rank.bucket")]
    with pytest.raises(InvalidConfigError, match=r"stages\.rank\.bucket: makes the column rank\.bucket, as the stage"):
        planned(config(tmp_path, stages=both))
