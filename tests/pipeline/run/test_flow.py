"""Segments side by side: what waits for what, and that the result is the same in whatever order tasks end."""

import random
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.run.executors.inline import InlineExecutor
from dspipe.pipeline.run.executors.interface import Event, Finished, run_guarded
from dspipe.pipeline.run.flow import waits_for
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.run.run import RunResult, run_plan
from dspipe.pipeline.run.segment import segments
from tests.engine import planned, run_inline
from tests.pipeline.run.test_run import TEXTS, config, corpus


class AtRandom(InlineExecutor):
    """Runs the tasks that it has in any order, one at a time."""

    def __init__(self, capacity: int, seed: int) -> None:
        super().__init__()
        self.capacity, self._draw, self.phases = capacity, random.Random(seed), list[str]()

    def wait(self) -> list[Event]:
        spec = self._waiting.pop(self._draw.randrange(len(self._waiting)))
        self.phases.append(spec.phase)
        return [Finished(spec, run_guarded(spec, lambda documents=0, bytes=0, share=0.0: None))]


def finished(plan: Plan, executor: AtRandom) -> RunResult:
    return run_plan(plan, executor, LogProgress())


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a run that don't say when or where it was."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".json", ".yaml")]
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in files if not path.name.startswith((".", "done"))
    }


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in", [*TEXTS, ["epsilon five", "beta two", "zeta six"]])
    values = config(tmp_path)
    stages = [*values["stages"], "minhash"]
    return {**values, "stages": stages, "engine": {"kind": "inline", "merge_above": 1, "index": True}}


def test_only_what_needs_a_phase_waits_for_it(toy: dict[str, Any]) -> None:
    cut = segments(planned(toy).phases)
    names = [part[0].name for part in cut]
    waits = dict(zip(names, waits_for(cut), strict=True))

    def waiting_for(name: str) -> set[str]:
        return {names[number] for number in waits[name]}

    assert waits["documents"] == set()
    assert "documents" in waiting_for("unique.reduce")
    assert waiting_for("unique.report") == {"documents", "unique.verdicts"}
    assert not any("minhash.report" in waiting_for(name) for name in names)
    for number, part in enumerate(cut):
        assert all(earlier < number for earlier in waits[part[0].name])


@pytest.mark.parametrize("seed", range(3))
def test_the_order_in_which_tasks_end_changes_nothing(seed: int, toy: dict[str, Any], tmp_path: Path) -> None:
    expected = run_inline({**toy, "output": str(tmp_path / "expected")})
    plan, executor = planned(toy), AtRandom(7, seed)
    result = finished(plan, executor)
    assert contents(tmp_path / "out").keys() == contents(tmp_path / "expected").keys()
    assert contents(tmp_path / "out") == contents(tmp_path / "expected")
    assert [phase.name for phase in result.phases] == [phase.name for phase in plan.phases]
    assert [(phase.tasks, phase.bytes_written, phase.funnel) for phase in result.phases] == [
        (phase.tasks, phase.bytes_written, phase.funnel) for phase in expected.phases
    ]
    order = {name: place for place, name in enumerate(executor.phases)}
    assert order["minhash.report"] > executor.phases.index("name_index.send")  # beside it


def test_a_file_found_damaged_while_others_run_is_made_again(toy: dict[str, Any], tmp_path: Path) -> None:
    """What a phase's tasks share is read while tasks of a report are in flight."""
    finished(planned(toy), AtRandom(7, 0))
    exchange = min((tmp_path / "out" / "minhash.bands.merge").glob("*.exchange"))
    for manifest in (tmp_path / "out" / "minhash.candidates").iterdir():
        manifest.unlink()
    for report in (tmp_path / "out" / "unique.report").iterdir():
        report.unlink()
    whole = exchange.read_bytes()
    exchange.write_bytes(whole[:-40] + bytes(40))
    result = finished(planned(toy), AtRandom(7, 1))
    assert exchange.read_bytes() == whole
    assert result.tasks_run
