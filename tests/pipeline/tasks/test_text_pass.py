"""The text pass: what each batch becomes, what is left out, and probes for records that kill workers."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.plan.tasks import empty_state, task_specs
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import TaskSpec
from dspipe.pipeline.tasks.task import execute
from tests.engine import planned
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
    manifest = execute(replace(spec, skip=[[9, "SIGKILL"], [1, "SIGKILL"], [5, "SIGKILL"]]), report)
    assert manifest["groups"] == [3, 3, 1]
    assert manifest["counters"] == {"read": 10, "quarantined": 3}
    entries = quarantined(tmp_path)
    assert [entry["id"] for entry in entries] == ["0-1", "0-5", "0-9"]
    assert {entry["error"] for entry in entries} == {"a worker process ended on this document: SIGKILL"}


@pytest.mark.parametrize(
    ("probe", "read", "at_the_end"), [([0, 4], 4, False), ([3, 6], 3, False), ([8, 99], 2, True), ([50, 60], 0, True)]
)
def test_a_probe_reads_some_records_and_says_when_there_are_no_more(
    spec: TaskSpec, tmp_path: Path, probe: list[int], read: int, at_the_end: bool
) -> None:
    seen: list[int] = []

    def heard(documents: int = 0, bytes: int = 0, share: float = 0.0) -> None:
        seen.append(documents)

    notes = execute(replace(spec, probe=probe), heard)["notes"]
    assert sum(seen) == read
    assert notes.get("records") == (10 if at_the_end else None)
    assert not (tmp_path / "out").exists()
