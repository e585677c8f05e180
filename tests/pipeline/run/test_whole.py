"""A run with nothing left is known from one file, and whatever was touched is seen."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.run.whole import WHOLE_FILE, find_whole, page_is_newest
from dspipe.pipeline.storage.store import Store
from tests.engine import planned, run_inline, tasks_run
from tests.pipeline.run.test_run import config, corpus


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in")
    return config(tmp_path)


def is_whole(values: dict[str, Any]) -> bool:
    return find_whole(Store(values["output"]), planned(values)) is not None


def test_a_run_that_has_ended_is_whole_and_says_what_it_said(toy: dict[str, Any]) -> None:
    assert not is_whole(toy)
    first = run_inline(toy)
    assert is_whole(toy)
    (Path(toy["output"]) / "report.json").unlink()
    second = run_inline(toy)
    assert second.tasks_run == 0
    assert [phase.as_json() | {"reused": phase.tasks} for phase in first.phases] == [
        phase.as_json() for phase in second.phases
    ]
    assert [phase.manifests for phase in first.phases] == [phase.manifests for phase in second.phases]
    assert (Path(toy["output"]) / "report.json").exists()  # what stands at the top is put there again


def test_what_is_there_is_not_looked_at_task_by_task(toy: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    run_inline(toy)
    monkeypatch.setattr("dspipe.pipeline.run.segment.PhaseTasks", None)
    assert run_inline(toy).tasks_run == 0


def touched(path: Path) -> None:
    os.utime(path, (1, 1))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("deed", [touched, cut, Path.unlink])
@pytest.mark.parametrize("what", ["documents/*.parquet", "judge/*.manifest.json", "unique.report/done-*.jsonl.zst"])
def test_whatever_was_touched_is_looked_at(deed: Callable[[Path], None], what: str, toy: dict[str, Any]) -> None:
    first = run_inline(toy)
    deed(min(Path(toy["output"]).glob(what)))
    assert not is_whole(toy)
    again = run_inline(toy)
    # what holds documents or says what was done is made again; a record of it is written again
    assert (again.tasks_run > 0) == (deed is not touched and "done-" not in what)
    assert [phase.funnel for phase in first.phases] == [phase.funnel for phase in again.phases]
    assert is_whole(toy)


def test_another_plan_is_not_whole(toy: dict[str, Any], tmp_path: Path) -> None:
    run_inline(toy)
    assert not is_whole({**toy, "stages": [{"tests.toys.lengths": {"minimum": 9}}, {"tests.toys.unique": {}}]})
    assert not is_whole({**toy, "engine": {"kind": "inline", "max_quarantined": 0.01}})
    (tmp_path / "in" / "3.jsonl").write_text('{"text": "omega"}\n')
    assert not is_whole(toy)
    assert tasks_run(run_inline(toy))["documents"] == 1
    assert is_whole(toy)


def test_a_file_that_says_nothing_is_no_word(toy: dict[str, Any]) -> None:
    run_inline(toy)
    for said in ("{", "[]", "{}", '{"plan": 1}'):
        (Path(toy["output"]) / WHOLE_FILE).write_text(said)
        assert not is_whole(toy)
    assert run_inline(toy).tasks_run == 0
    assert is_whole(toy)


def test_a_run_of_fewer_phases_leaves_no_word_of_the_other(toy: dict[str, Any]) -> None:
    more = {**toy, "engine": {"kind": "inline", "index": True}}
    first = run_inline(more)
    fewer = {**toy, "engine": {"kind": "inline", "index": False, "keep_stale": True}}
    assert len(run_inline(fewer).phases) < len(first.phases)  # all its files are there, and none is removed
    assert [phase.name for phase in run_inline(more).phases] == [phase.name for phase in first.phases]


def test_a_page_is_of_the_run_that_ended_last(toy: dict[str, Any]) -> None:
    run_inline(toy)
    store = Store(toy["output"])
    assert not page_is_newest(store, unsure=True)  # there is none
    page, whole = (Path(toy["output"]) / name for name in ("page.html", WHOLE_FILE))
    page.touch()
    os.utime(page, (5, 5))
    assert not page_is_newest(store, unsure=True)
    os.utime(whole, (5, 5))
    assert page_is_newest(store, unsure=False)
    whole.unlink()
    assert page_is_newest(store, unsure=True) and not page_is_newest(store, unsure=False)
