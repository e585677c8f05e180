"""From a plan to tasks: what is in a task's key, which tasks are done, and what the done ones have made."""

import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import ConservationError
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.plan.tasks import (
    MixedRecordsError,
    State,
    UnnamedArtifactError,
    absorb,
    absorb_committed,
    committed,
    empty_state,
    task_specs,
)
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import TaskSpec
from tests.engine import planned, run_inline
from tests.pipeline.run.test_run import config, corpus


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in")
    return config(tmp_path)


def specs_of(values: dict[str, Any]) -> dict[str, list[TaskSpec]]:
    """The tasks of every phase of a run that has ended."""
    plan = planned(values)
    store, state, found = Store(plan.config.output), empty_state(plan), {}
    for phase in plan.phases:
        found[phase.name] = task_specs(plan, phase, state, store)
        assert len(absorb_committed(plan, phase, found[phase.name], state, store)) == len(found[phase.name])
    return found


def first_specs(plan: Plan) -> list[TaskSpec]:
    """The tasks of the text pass, which need nothing that was made."""
    return task_specs(plan, plan.phases[0], empty_state(plan), Store(plan.config.output))


def test_every_task_has_a_key_of_its_own_and_says_all_that_a_worker_must_know(toy: dict[str, Any]) -> None:
    run_inline(toy)
    specs = [spec for phase in specs_of(toy).values() for spec in phase]
    assert len({spec.key for spec in specs}) == len(specs)
    for spec in specs:
        assert TaskSpec(**json.loads(json.dumps(vars(spec)))) == spec


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"engine": {"kind": "local", "workers": 7, "retries": 9}}, True),
        ({"name": "other", "output": "/elsewhere"}, True),
        ({"stages": [{"tests.toys.lengths": {"minimum": 99}}, {"tests.toys.unique": {"lose": True}}]}, True),
        ({"stages": [{"tests.toys.lengths": {"unit": "words"}}, {"tests.toys.unique": {}}]}, False),
        ({"stages": [{"tests.toys.unique": {}}, {"tests.toys.lengths": {}}]}, False),
        ({"engine": {"kind": "inline", "batch_rows": 7}}, False),
    ],
)
def test_what_the_text_pass_depends_on(toy: dict[str, Any], change: dict[str, Any], same: bool) -> None:
    before, after = first_specs(planned(toy)), first_specs(planned({**toy, **change}))
    assert ([spec.key for spec in before] == [spec.key for spec in after]) == same


def test_a_changed_file_is_another_task_and_the_others_are_not(toy: dict[str, Any], tmp_path: Path) -> None:
    before = [spec.key for spec in first_specs(planned(toy))]
    (tmp_path / "in" / "1.jsonl").write_text('{"id": "x", "text": "another"}\n')
    after = [spec.key for spec in first_specs(planned(toy))]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]
    (tmp_path / "in" / "00.jsonl").write_text('{"id": "y", "text": "a new shard before the others"}\n')
    moved = [spec.key for spec in first_specs(planned(toy))]
    assert sorted(set(moved) & set(after)) == sorted(after)


def test_done_tasks_are_found_by_key_at_whatever_place(toy: dict[str, Any], tmp_path: Path) -> None:
    result = run_inline(toy)
    (tmp_path / "in" / "!.jsonl").write_text('{"id": "y", "text": "a new shard before the others"}\n')
    plan = planned(toy)
    specs = first_specs(plan)
    assert [spec.key in committed(result.store, plan.phases[0], specs) for spec in specs] == [False, True, True, True]
    # a file that a manifest names was removed by hand: the task is to be done again
    next(Path(result.store.path("documents")).glob("00001-*.parquet")).unlink()
    assert sum(spec.key in committed(result.store, plan.phases[0], specs) for spec in specs) == 2


def test_nothing_is_absorbed_of_a_phase_that_is_not_done(toy: dict[str, Any]) -> None:
    result = run_inline(toy)
    plan = planned(toy)
    specs, state = first_specs(plan), empty_state(plan)
    next(Path(result.store.path("documents")).glob("*.manifest.json")).unlink()
    assert len(absorb_committed(plan, plan.phases[0], specs, state, result.store)) == 2
    assert state == empty_state(plan)


def test_senders_of_different_records_are_found() -> None:
    phase = PlannedPhase("p", "partitions", "P", ("p",), "", {}, {}, emits="x")
    files = [{"kind": "exchange", "name": "x", "file": name, "records": 1, "schema": name} for name in ("a", "b")]
    manifests = [{"file": "m", "files": [file]} for file in files]
    absorb(phase, manifests[:1], State([], []))
    absorb(phase, [manifests[0], {"file": "m", "files": [{**files[1], "records": 0}]}], State([], []))
    with pytest.raises(MixedRecordsError, match="a and b hold records of different schemas"):
        absorb(phase, manifests, State([], []))


def test_merging_tasks_together_write_what_was_sent() -> None:
    phase = PlannedPhase(
        "p.merge", "sender_groups", "P", ("p",), "", {}, {}, exchange="x", emits="x", group=2, ranges=2
    )
    sent = {"x": {0: {"records": 2}, 1: {"records": 1}}}
    file = {"kind": "exchange", "name": "x", "file": "f", "schema": "s"}
    state = State([], [], sent=sent)
    absorb(phase, [{"file": "m", "files": [{**file, "records": records}]} for records in (2, 1)], state)
    assert [first for first, _ in state.exchanges["x"]] == [0, 0]
    with pytest.raises(ConservationError, match=r"p\.merge: 3 records were sent, 2 were merged"):
        absorb(phase, [{"file": "m", "files": [{**file, "records": 1}]}] * 2, state)


def test_artifacts_must_be_named() -> None:
    phase = PlannedPhase("p.make", "once", "P", ("p",), "", {}, {}, makes_artifacts=("good",))
    files = [{"kind": "artifact", "name": n, "file": f"p/{n}", "bytes": 1, "sha256": n} for n in ("good", "other")]
    state = State([], [])
    absorb(phase, [{"file": "m", "files": files[:1]}], state)
    assert state.artifacts == {"good": [[0, "p/good", 1, "good"]]}
    assert state.single == {"p/good": "good"}
    assert state.files == {"m", "p/good"}
    with pytest.raises(UnnamedArtifactError, match=r"p\.make made the artifact other, which its phase doesn't name"):
        absorb(phase, [{"file": "m", "files": files}], state)
