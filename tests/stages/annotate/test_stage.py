"""Scores of files joined onto documents: values, duplicates, what runs again, and bad input."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import RunFailedError
from dspipe.pipeline.run.run import RunResult
from tests.engine import planned, rows_of, run_inline, tasks_run

LONG = "x" * (1 << 20)
IDS = [["a", "b", LONG], ["c", "d", "a"]]


def scores(path: Path, ids: list[str], values: list[Any], name: str = "score") -> None:
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({"id": ids, name: values}), path)


def config(folder: Path, stages: list[Any] | None = None, **settings: Any) -> dict[str, Any]:
    (folder / "in").mkdir(exist_ok=True)
    for number, ids in enumerate(IDS):
        rows = [{"id": id, "text": "some text", "url": f"http://x/{id[:9]}"} for id in ids]
        path = folder / "in" / f"{number}.jsonl"
        if not path.exists():
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"name": "s", "format": "jsonl", "root": f"{folder / 'in'}/", "path": "*.jsonl"}
    annotate = {"path": f"{folder / 'scores'}/*.parquet", "columns": {"edu": "score"}, **settings}
    return {"output": str(folder / "out"), "sources": [source], "stages": [{"annotate": annotate}, *(stages or [])]}


def column(result: RunResult, name: str = "edu") -> list[Any]:
    return [row[name] for row in rows_of(result, [name])]


def test_documents_get_the_scores_of_their_ids(tmp_path: Path) -> None:
    scores(tmp_path / "scores" / "1.parquet", ["a", LONG, "nobody"], [1.5, 2.5, 9.0])
    scores(tmp_path / "scores" / "2.parquet", ["d", "a"], [4, 7])
    result = run_inline(config(tmp_path, [{"where": {"keep": "edu > 2"}}]))
    assert column(result) == [1.5, None, 2.5, None, 4.0, 1.5]  # the first row of `a` counts
    assert [reason is None for reason in column(result, "reason")] == [False, False, True, False, True, False]
    (share,) = (phase for phase in result.phases if phase.name == "annotate.share")
    assert share.notes["share of documents with scores"] == pytest.approx(4 / 6, abs=1e-4)
    assert column(run_inline(config(tmp_path, duplicates="last"))) == [7.0, None, 2.5, None, 4.0, 7.0]


def test_an_added_file_is_read_alone(tmp_path: Path) -> None:
    scores(tmp_path / "scores" / "1.parquet", ["a", "b", "c"], [1.0, 2.0, 3.0])
    scores(tmp_path / "scores" / "3.parquet", ["b"], [5.0])
    scores(tmp_path / "scores" / "4.parquet", ["b"], [5.0])
    run_inline(config(tmp_path))
    assert tasks_run(run_inline(config(tmp_path))) == {}
    scores(tmp_path / "scores" / "2.parquet", ["d"], [8.0])
    again = run_inline(config(tmp_path))
    assert column(again) == [1.0, 2.0, None, 3.0, 8.0, 1.0]
    ran = tasks_run(again)
    assert ran["annotate.scores"] == 1 and ran["annotate.write"] == 1  # the second shard has `d`
    assert "documents" not in ran and "annotate.keys" not in ran


def test_json_lines_by_url_with_labels(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    rows = [{"address": "http://x/a", "topic": "art", "n": 1, "ok": True}, {"address": "http://x/b", "topic": None}]
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    (tmp_path / "labels" / "a.jsonl.gz").write_bytes(gzip.compress(data))
    kinds = {"topic": "string", "n": "integer", "ok": "boolean"}
    columns = {name: {"field": name, "type": kind} for name, kind in kinds.items()}
    settings = {"path": f"{tmp_path}/labels", "format": "jsonl", "by": "url", "key": "address", "columns": columns}
    result = run_inline(config(tmp_path, [{"remix": {"by": "topic", "max_epochs": 1}}], **settings))
    assert column(result, "topic") == ["art", None, None, None, None, "art"]
    assert column(result, "n")[0] == 1 and column(result, "ok")[0] is True
    assert column(result, "remix.domain")[:2] == ["art", "unknown"]


def test_too_few_matches_are_an_alarm(tmp_path: Path) -> None:
    scores(tmp_path / "scores" / "1.parquet", ["other"], [1.0])
    with pytest.raises(RunFailedError, match=r"0 of 6 documents have a row with their id") as raised:
        run_inline(config(tmp_path))
    assert raised.value.user
    assert column(run_inline(config(tmp_path, least_matched=0))) == [None] * 6


def test_many_slices_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores(tmp_path / "scores" / "1.parquet", ["a", "b", "c"], [1.0, 2.0, 3.0])
    monkeypatch.setattr("dspipe.stages.annotate.steps.slices_that_fit", lambda task: 3)
    assert column(run_inline(config(tmp_path))) == [1.0, 2.0, None, 3.0, None, 1.0]


def test_a_bad_row_is_named(tmp_path: Path) -> None:
    scores(tmp_path / "scores" / "1.parquet", ["a"], [1.0])
    scores(tmp_path / "scores" / "2.parquet", ["a"], ["high"])
    with pytest.raises(RunFailedError, match=r"2\.parquet, row 0: the column 'score' holds string, not a number"):
        run_inline(config(tmp_path))
    pq.write_table(pa.table({"id": ["a", None], "score": [1.0, 2.0]}), tmp_path / "scores" / "2.parquet")
    with pytest.raises(RunFailedError, match=r"2\.parquet, row 1: the text is null"):
        run_inline(config(tmp_path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "nowhere/*.parquet"}, "no such file or directory"),
        ({"key": "doc"}, "no column 'doc'; there are id, score"),
        ({"columns": {"edu": "scor"}}, "no column 'scor'"),
        ({"columns": {"edu": "id"}}, "holds string, not a number"),
        ({"columns": {"text": "score"}}, "every document has a column of this name"),
        ({"columns": {}}, "expected at least one"),
    ],
)
def test_mistakes_are_found_before_the_run(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    scores(tmp_path / "scores" / "1.parquet", ["a"], [1.0])
    with pytest.raises(InvalidConfigError, match=message):
        planned(config(tmp_path, **settings))
