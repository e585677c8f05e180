"""The text pass: what each batch becomes, what is left out, and probes for records that kill workers."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import RunFailedError
from dspipe.pipeline.plan.tasks import empty_state, task_specs
from dspipe.pipeline.run.executors.inline import InlineExecutor
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.run.run import run_plan
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import TaskSpec
from dspipe.pipeline.tasks.task import execute
from tests.engine import planned, rows_of, run_inline, tasks_run
from tests.pipeline.run.test_run import config, corpus


def report(documents: int = 0, bytes: int = 0, share: float = 0.0) -> None:
    pass


@pytest.fixture
def spec(tmp_path: Path) -> TaskSpec:
    """The text pass of a shard of ten documents, four to a batch."""
    corpus(tmp_path / "in", [[f"document {n}" for n in range(10)]])
    plan = planned({**config(tmp_path), "engine": {"kind": "inline", "batch_rows": 4}})
    (found,) = task_specs(plan, plan.phases[0], empty_state(plan), Store(plan.config.output))
    return found


def quarantined(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in folder.rglob("*.quarantine.jsonl") for line in file.read_text().splitlines()]


def test_a_row_group_for_each_batch(spec: TaskSpec, tmp_path: Path) -> None:
    manifest = execute(spec, report)
    assert manifest["groups"] == [4, 4, 2]
    assert manifest["counters"] == {"read": 10, "quarantined": 0}
    assert quarantined(tmp_path) == []


def test_records_to_skip_are_quarantined(spec: TaskSpec, tmp_path: Path) -> None:
    skip = [{"record": n, "stage": "lengths", "error": "ended by SIGKILL", "peak_bytes": 77} for n in (9, 1, 5)]
    manifest = execute(replace(spec, skip=skip), report)
    assert manifest["groups"] == [3, 3, 1]
    assert manifest["counters"] == {"read": 10, "quarantined": 3}
    entries = quarantined(tmp_path)
    assert [entry["id"] for entry in entries] == ["0-1", "0-5", "0-9"]
    assert {(entry["stage"], entry["error"], entry["peak_bytes"]) for entry in entries} == {
        ("lengths", "a worker process ended on this document: ended by SIGKILL", 77)
    }


def test_it_says_where_it_is(spec: TaskSpec) -> None:
    places: list[tuple[str, int, int]] = []
    execute(spec, report, lambda *place: places.append(place))
    batches = [(0, 4), (4, 8), (8, 10)]
    assert places == [(stage, *batch) for batch in batches for stage in ("lengths", "unique")]


@pytest.mark.parametrize(
    ("missing", "at", "message"),
    [
        ("ConfigError", "set up", "stages.listed: no list words.txt"),
        ("OSError", "first use", "stage listed can't be set up: OSError: no list words.txt"),
        ("MemoryError", "first use", "stage listed can't be set up: MemoryError: no list words.txt"),
        ("ValueError", "set up", "stage listed can't be set up: ValueError: no list words.txt"),
        ("ConfigError", "first document", "stages.documents: no list words.txt"),
        ("ImportError", "first document", "documents 00001: no list words.txt"),
        ("OSError", "first document", "documents, task 00001: cannot use .*: no list words.txt"),
        ("ValueError", "first document", "12 of 12 documents failed, .*no list words.txt"),
    ],
)
def test_a_list_that_is_gone_is_no_documents_fault(tmp_path: Path, missing: str, at: str, message: str) -> None:
    """One shard is done, then the list is gone; when it is back the result is as if it had never been away."""
    words = tmp_path / "words.txt"
    words.write_text("one two")
    stages = [{"tests.toys.listed": {"words": str(words), "missing": missing, "at": at}}]
    values = {**config(tmp_path), "stages": stages, "engine": {"kind": "inline", "retries": 0}}
    corpus(tmp_path / "in", [["one"]])
    run_inline(values)
    more = "".join(json.dumps({"text": f"two {n}"}) + "\n" for n in range(12))
    (tmp_path / "in" / "1.jsonl").write_text(more)
    plan = planned(values)  # before the list is gone
    words.rename(tmp_path / "away")
    for _ in range(2):  # it isn't forgotten either
        with pytest.raises(RunFailedError, match=message):
            run_plan(plan, InlineExecutor(), LogProgress())
    assert quarantined(tmp_path) == []
    (tmp_path / "away").rename(words)
    result = run_inline(values)
    assert tasks_run(result) == {"documents": 1}
    assert [row["listed.words"] for row in rows_of(result, ["listed.words"])] == [1] * 13


def test_a_shard_of_which_all_fails_is_not_committed(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("one")
    stages = [{"tests.toys.listed": {"words": str(tmp_path / "words.txt"), "fails_on": "odd"}}]
    corpus(tmp_path / "in", [[f"fine {n}" for n in range(2000)], [f"odd {n}" for n in range(11)]])
    values = {**config(tmp_path), "stages": stages, "engine": {"kind": "inline", "retries": 0}}
    with pytest.raises(
        RunFailedError, match=r"documents 00001: 11 of 11 documents failed.*1.jsonl line 1: stage liste"
    ):
        run_inline(values)
    assert quarantined(tmp_path) == []
    allowed = {"kind": "inline", "max_quarantined_of_shard": 1.0}
    result = run_inline({**values, "engine": allowed})
    assert tasks_run(result) == {"documents": 1}
    assert [entry["text"] for entry in quarantined(tmp_path)] == [f"odd {n}" for n in range(11)]


@pytest.mark.parametrize(
    ("probe", "pieces"),
    [
        ([0, 4, 4], [(0, 4)]),
        ([3, 6, 1], [(3, 4), (4, 5), (5, 6)]),
        ([1, 99, 3], [(1, 4), (4, 7), (7, 8), (8, 10)]),  # never over the end of a batch
        ([50, 60, 1], []),
    ],
)
def test_a_probe_goes_through_some_records_in_pieces(
    spec: TaskSpec, tmp_path: Path, probe: list[int], pieces: list[tuple[int, int]]
) -> None:
    seen: list[int] = []
    places: list[tuple[int, int]] = []

    def heard(documents: int = 0, bytes: int = 0, share: float = 0.0) -> None:
        seen.append(documents)

    execute(replace(spec, probe=probe), heard, lambda stage, first, end: places.append((first, end)))
    assert list(dict.fromkeys(places)) == pieces
    assert seen == [end - first for first, end in pieces]
    assert not (tmp_path / "out").exists()
