"""Stages as phases: what the text pass and the verdicts of each depend on, and stages that don't fit together."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.stage import Phase
from tests.engine import planned
from tests.pipeline.run.test_run import config, corpus
from tests.toys.unique import Unique


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in")
    return config(tmp_path)


def phase(plan: Plan, name: str) -> PlannedPhase:
    return next(phase for phase in plan.phases if phase.name == name)


def test_the_text_pass_names_what_it_does_and_writes(toy: dict[str, Any]) -> None:
    stages = [{"tests.toys.lengths": {"early": True}}, {"tests.toys.unique": {}}]
    text_pass = phase(planned({**toy, "stages": stages}), "documents")
    assert text_pass.title == "Read, then in one pass over the text: lengths, unique"
    assert text_pass.notes == ("text dropped at once by lengths",)
    assert text_pass.written[-2:] == ("lengths.length", "unique.key")
    schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(text_pass.schema)))
    assert schema.names == list(text_pass.written)
    assert phase(planned({**toy, "stages": [{"remix": {}}]}), "documents").title == "Read"


def test_verdicts_depend_on_thresholds_and_the_text_pass_does_not(toy: dict[str, Any]) -> None:
    plans = [planned({**toy, "stages": [{"tests.toys.lengths": {"minimum": n}}]}) for n in (3, 9)]
    assert phase(plans[0], "documents").depends == phase(plans[1], "documents").depends
    assert phase(plans[0], "judge").depends != phase(plans[1], "judge").depends
    assert phase(plans[0], "judge").columns == ("id", "url", "place", "lengths.length")


def test_two_stages_may_not_make_one_column(
    toy: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "own"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "again.py").write_text("from tests.toys.lengths import Lengths\n\n\nclass Again(Lengths):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    message = r"stages\.own\.again: the column lengths\.length is already made by lengths"
    with pytest.raises(InvalidConfigError, match=message):
        planned({**toy, "stages": [{"tests.toys.lengths": {}}, {"own.again": {}}]})


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (
            "tests.toys.unique:nothing",
            r"the function tests\.toys\.unique:nothing, but the module has no function",
        ),
        ("tests.toys.none:emit", r"there is no module tests\.toys\.none"),
    ],
)
def test_a_phase_names_a_function_that_is_there(
    toy: dict[str, Any], monkeypatch: pytest.MonkeyPatch, run: str, message: str
) -> None:
    monkeypatch.setattr(Unique, "phases", lambda self, corpus: [Phase("unique.x", "once", run, "Do")])
    with pytest.raises(InvalidConfigError, match=message):
        planned(toy)
