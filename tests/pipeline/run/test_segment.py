"""Phases side by side: where a plan is cut, and shards that go from phase to phase by themselves."""

from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.plan.tasks import absorb_files, empty_state
from dspipe.pipeline.run.segment import Part, Segment, segments
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks import merge_exchange
from dspipe.pipeline.tasks.spec import TaskSpec
from dspipe.pipeline.tasks.task import execute
from tests.engine import planned, run_inline, tasks_run
from tests.pipeline.run.test_run import TEXTS, config, corpus


def report(documents: int = 0, bytes: int = 0, share: float = 0.0) -> None:
    pass


class Counted:
    """Remembers what it hears."""

    def __init__(self) -> None:
        self.begun: dict[str, int] = {}
        self.reused: dict[str, int] = {}

    def phase(self, name: str, tasks: int) -> None:
        self.begun[name] = tasks

    def tasks(self, phase: str, done: int, bytes: int) -> None:
        self.reused[phase] = self.reused.get(phase, 0) + done


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in", TEXTS)
    return config(tmp_path)


def test_a_plan_is_cut_where_a_phase_needs_more_than_its_own_shard(toy: dict[str, Any]) -> None:
    found = [[phase.name for phase in part] for part in segments(planned(toy).phases)]
    assert found == [["documents", "judge", "unique.emit"], ["unique.reduce"], ["unique.verdicts"], ["unique.report"]]
    stages = [*toy["stages"], "minhash", {"tokenizer": {"train": {"vocab": 300}}}, "pack"]
    phases = planned({**toy, "stages": stages}).phases
    cut = segments(phases)
    assert sorted(phase.name for part in cut for phase in part) == sorted(phase.name for phase in phases)
    for part in cut:
        assert all(phase.by_shard_alone for phase in part[1:])
        places = [phases.index(phase) for phase in part]
        assert places == sorted(places)
    named = [[phase.name for phase in part] for part in cut]
    assert ["unique.verdicts", "minhash.bands"] in named  # past the report, which nothing waits for
    assert ["unique.report"] in named


def test_what_a_group_of_senders_sent_is_merged_as_soon_as_they_have_ended(
    toy: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge_exchange, "SENDERS_A_TASK", 1)
    merging = {**toy, "engine": {"kind": "inline", "merge_above": 1}}
    plan = planned(merging)
    (first, *_) = segments(plan.phases)
    assert [phase.name for phase in first] == ["documents", "judge", "unique.emit", "unique.emit.merge"]
    assert (first[-1].group, first[-1].ranges) == (2, 2)
    segment, ended, _ = begun(merging)
    specs = {spec.number: spec for spec in segment.more()}

    def through(number: int) -> list[TaskSpec]:
        (judge,) = run(segment, specs[number])
        (emit,) = run(segment, judge)
        return run(segment, emit)

    assert through(1) == []
    merges = through(0)
    assert [(merge.phase, merge.number, len(merge.payload["files"])) for merge in merges] == [
        ("unique.emit.merge", 0, 2),
        ("unique.emit.merge", 1, 2),
    ]
    last = through(2)
    assert [(merge.number, len(merge.payload["files"])) for merge in last] == [(2, 1), (3, 1)]
    assert ended[-1] == "unique.emit 0"
    assert [run(segment, merge) for merge in (*last, *merges)] == [[]] * 4
    assert segment.ended


def begun(toy: dict[str, Any]) -> tuple[Segment, list[str], Counted]:
    plan = planned(toy)
    store, state, ended = Store(toy["output"]), empty_state(plan), list[str]()
    store.prepare()

    def end(part: Part) -> None:
        assert len(part.in_order()) == part.tasks
        absorb_files(part.phase, part.in_order(), state)
        ended.append(f"{part.phase.name} {part.reused}")

    counted = Counted()
    return Segment(plan, segments(plan.phases)[0], state, store, counted, end), ended, counted


def run(segment: Segment, spec: TaskSpec) -> list[TaskSpec]:
    return segment.then(spec, execute(spec, report))


def test_a_shard_goes_on_while_others_are_still_read(toy: dict[str, Any]) -> None:
    segment, ended, counted = begun(toy)
    second, first, third = segment.more()  # the largest comes first
    (judge,) = run(segment, second)
    assert (judge.phase, judge.label) == ("judge", "00001")
    (emit,) = run(segment, judge)
    assert (emit.phase, emit.label) == ("unique.emit", "00001")
    assert run(segment, emit) == []
    assert ended == []
    for spec in (third, first):
        (judge,) = run(segment, spec)
        (emit,) = run(segment, judge)
        run(segment, emit)
    assert ended == ["documents 0", "judge 0", "unique.emit 0"]
    assert counted.begun == {"documents": 3, "judge": 3, "unique.emit": 3}


def test_what_was_done_before_is_taken_for_done_as_far_as_it_goes(toy: dict[str, Any]) -> None:
    segment, _, _ = begun(toy)
    second, first, _ = segment.more()
    (judge,) = run(segment, first)
    run(segment, judge)
    run(segment, second)
    segment, ended, counted = begun(toy)
    assert [(spec.phase, spec.number) for spec in segment.more()] == [
        ("documents", 2),
        ("judge", 1),
        ("unique.emit", 0),
    ]
    assert counted.reused == {"documents": 2, "judge": 1, "unique.emit": 0}
    assert ended == []


def test_shards_that_are_the_same_have_one_task(toy: dict[str, Any]) -> None:
    (source,) = toy["sources"]
    result = run_inline({**toy, "sources": [source, {**source, "name": "again"}]})
    assert tasks_run(result)["judge"] == 6
    assert len([name for name in result.store.names("documents") if name.endswith(".manifest.json")]) == 6
    assert len([name for name in result.store.names("judge") if name.endswith(".manifest.json")]) == 3
