"""Texts read again behind a stage that rewrote them: which rows are measured, and documents that make a stage fail."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import ConservationError, RunFailedError
from dspipe.pipeline.plan.tasks import absorb_committed, empty_state, task_specs
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec
from dspipe.pipeline.tasks.task import execute
from tests.engine import planned, rows_of, run_inline
from tests.pipeline.run.test_run import config, corpus
from tests.pipeline.tasks.test_text_pass import quarantined, report

MENU = "Home | About"
BEHIND: list[Any] = [{"host_lines": {"min_pages": 2}}, {"tests.toys.lengths": {}}, {"pii": {}}]


def pages(tmp_path: Path, texts: list[str]) -> dict[str, Any]:
    """A config over a host's pages with a menu, three to a batch; lengths are measured once it is gone."""
    corpus(tmp_path / "in", [[]])
    lines = [
        {"id": f"0-{row}", "url": f"http://a.org/{row}", "text": f"{MENU}\n{text}"} for row, text in enumerate(texts)
    ]
    (tmp_path / "in" / "0.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return {**config(tmp_path), "engine": {"kind": "inline", "batch_rows": 3}, "stages": BEHIND}


def later_pass(values: dict[str, Any]) -> TaskSpec:
    """The later text pass of the first shard, with all before it done, whether it has failed or not."""
    plan = planned(values)
    with suppress(RunFailedError):
        run_inline(values)
    state, store = empty_state(plan), Store(plan.config.output)
    for phase in plan.phases:
        specs = task_specs(plan, phase, state, store)
        if phase.name == "documents-2":
            return specs[0]
        absorb_committed(plan, phase, specs, state, store)
    raise AssertionError("there is no later pass")


def again(spec: TaskSpec) -> Manifest:
    """The task run once more, and nothing of the run before it in the quarantine."""
    for file in Path(spec.root).rglob("*.quarantine.jsonl"):
        file.unlink()
    return execute(spec, report)


def test_a_document_that_fails_is_dropped_and_quarantined(tmp_path: Path) -> None:
    values = pages(
        tmp_path, ["long enough", "RAISE an error", "x", "also long enough", "RAISE too", "me@example.com", "y"]
    )
    result = run_inline(values)
    rows = rows_of(result, ["text", "reason", "lengths.length", "pii.emails", "text_bytes"])
    assert [row["reason"] for row in rows] == [
        None, "quarantined.lengths", "lengths.too_short", None, "quarantined.lengths", None, "lengths.too_short",
    ]  # fmt: skip
    assert [row["lengths.length"] for row in rows] == [11, None, 1, 16, None, 14, 1]
    assert [row["text"] for row in rows][:2] == ["long enough", "RAISE an error"]
    assert (rows[5]["pii.emails"], rows[5]["text"]) == (1, "[EMAIL]")
    assert all(row["text_bytes"] == len(row["text"]) for row in rows)
    entries = quarantined(tmp_path)
    assert [(entry["id"], entry["stage"]) for entry in entries] == [("0-1", "lengths"), ("0-4", "lengths")]
    assert {entry["error"] for entry in entries} == {"ValueError: this text can't be measured"}
    phase = next(phase for phase in result.phases if phase.name == "documents-2")
    assert phase.counters == {"bytes of text": 66, "documents": 7, "quarantined": 2}
    (entry,) = phase.funnel
    assert entry.dropped["quarantined.lengths"].documents == 2 and entry.balanced()


def test_records_to_skip_are_quarantined(tmp_path: Path) -> None:
    spec = later_pass(pages(tmp_path, [f"document {n}" for n in range(8)]))
    skip = [{"record": n, "stage": "lengths", "error": "ended by SIGKILL", "peak_bytes": 77} for n in (7, 1)]
    manifest = again(replace(spec, skip=skip))
    assert manifest["counters"]["quarantined"] == 2 and manifest["groups"] == [3, 3, 2]
    assert manifest["funnel"][0]["dropped"].keys() == {"quarantined.lengths"}
    entries = quarantined(tmp_path)
    assert [entry["id"] for entry in entries] == ["0-1", "0-7"]
    assert {(entry["stage"], entry["error"], entry["peak_bytes"]) for entry in entries} == {
        ("lengths", "a worker process ended on this document: ended by SIGKILL", 77)
    }


@pytest.mark.parametrize(
    ("probe", "pieces"),
    [
        ([0, 3, 3], [(0, 3)]),
        ([2, 4, 1], [(2, 3), (3, 4)]),
        ([5, 99, 2], [(5, 6), (6, 8)]),  # never over the end of a batch
        ([50, 60, 1], []),
    ],
)
def test_a_probe_goes_through_some_records_in_pieces(
    tmp_path: Path, probe: list[int], pieces: list[tuple[int, int]]
) -> None:
    spec = later_pass(pages(tmp_path, [f"document {n}" for n in range(8)]))
    places: list[tuple[int, int]] = []
    execute(replace(spec, probe=probe), report, lambda stage, first, end: places.append((first, end)))
    assert [place for place in dict.fromkeys(places) if place != (0, 0)] == pieces


def test_only_what_is_probed_is_measured(tmp_path: Path) -> None:
    """A document on which a stage breaks its contract, which isn't the document's fault, stops what measures it."""
    spec = later_pass(pages(tmp_path, ["long enough"] * 5 + ["LOSE this document"]))
    assert execute(replace(spec, probe=[0, 5, 5]), report)["notes"] == {}
    with pytest.raises(ConservationError, match="document 0-5 is missing"):
        execute(replace(spec, probe=[0, 6, 6]), report)


def test_a_document_that_kills_its_worker_is_found(tmp_path: Path) -> None:
    values = pages(tmp_path, ["long enough", "KILL the worker", "also long enough", "and this one is"])
    values["engine"] = {"kind": "local", "workers": 1, "retries": 0, "batch_rows": 3}
    rows = rows_of(run_inline(values), ["reason", "lengths.length"])
    assert [row["reason"] for row in rows] == [None, "quarantined.lengths", None, None]
    assert [row["lengths.length"] for row in rows] == [11, None, 16, 15]


def test_rows_dropped_before_are_not_measured_and_stay_as_they_were(tmp_path: Path) -> None:
    values = pages(tmp_path, ["one two", "one two", "me@example.com", "me@example.com"])
    values["stages"] = [{"exact_dedup": {}}, {"host_lines": {"min_pages": 2}}, *BEHIND[1:]]
    rows = rows_of(run_inline(values), ["text", "reason", "lengths.length", "pii.emails"])
    assert [row["lengths.length"] for row in rows] == [7, None, 14, None]
    assert [row["pii.emails"] for row in rows] == [0, None, 1, None]
    assert rows[3]["text"] == f"{MENU}\nme@example.com" and rows[3]["reason"] == "exact_dedup.duplicate"


def test_early_leaves_the_pass_at_once(tmp_path: Path) -> None:
    values = pages(tmp_path, ["x", "long enough", "y"])
    values["stages"] = [{"host_lines": {"min_pages": 2}}, {"tests.toys.lengths": {"early": True}}, {"pii": {}}]
    rows = rows_of(run_inline(values), ["text", "reason", "pii.emails", "text_bytes"])
    assert [row["reason"] for row in rows] == ["lengths.too_short", None, "lengths.too_short"]
    assert [row["text"] for row in rows] == [None, "long enough", None]
    assert [row["pii.emails"] for row in rows] == [None, 0, None]
    assert [row["text_bytes"] for row in rows] == [1, 11, 1]
