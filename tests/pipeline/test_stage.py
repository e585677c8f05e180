"""The stage contract: what a stage gets wrong is said, with its name, and never passes in silence."""

import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import RunFailedError, SettingNotInKeyError
from dspipe.pipeline.plan.settings_read import measure_settings
from dspipe.pipeline.stage import StageConfig
from tests.engine import planned, rows_of, run_inline
from tests.pipeline.run.test_run import config, corpus
from tests.toys.careless import Careless, CarelessConfig
from tests.toys.lengths import Lengths, LengthsConfig


def careless(tmp_path: Path, how: str, **settings: Any) -> dict[str, Any]:
    corpus(tmp_path / "in")
    return {**config(tmp_path), "stages": [{"tests.toys.careless": {"how": how, **settings}}]}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("other name", r"careless: measured_columns declares careless\.length, but measure didn't make it .*lenght"),
        ("other type", r"careless: measured_columns declares careless\.length as int64, but measure made it as int32"),
        ("one more", r"careless: measure made careless\.more, which measured_columns doesn't declare"),
        ("table", "careless: measure returned Table, not a RecordBatch"),
        ("order", r"careless: (\d) documents went in, \1 came out; rows were added, repeated or put in another order"),
        ("reads a threshold", "reads the setting 'minimum', which the key of its results doesn't cover"),
        ("too few verdicts", "careless: judge was given (3 rows and gave 2|4 rows and gave 3) verdicts"),
        ("boolean verdicts", "careless: judge gave bool, not reasons"),
        ("reads the seed", "reads the setting 'seed', which the key of its results doesn't cover"),
        ("repeats a row", r"careless: (\d) documents went in, \1 came out"),
    ],
)
def test_a_stage_that_does_not_do_what_it_declares_stops_the_run(tmp_path: Path, how: str, message: str) -> None:
    with pytest.raises(RunFailedError, match=message):
        run_inline(careless(tmp_path, how))


def test_a_judge_without_columns_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="has a `judge`, but `judge_columns` names no columns"):
        planned(careless(tmp_path, "no columns"))


def test_a_record_that_cannot_be_judged_goes_to_the_quarantine_with_its_stage(tmp_path: Path) -> None:
    result = run_inline(careless(tmp_path, "judge fails", minimum=2))
    reasons = {row["text"]: row["reason"] for row in rows_of(result, ["text", "reason"])}
    assert {text: reason for text, reason in reasons.items() if reason} == {
        "abc": "quarantined.careless",
        "x": "careless.short",
    }
    (file,) = Path(result.store.path("judge")).glob("*.quarantine.jsonl")
    (entry,) = map(json.loads, file.read_text().splitlines())
    assert (entry["stage"], entry["id"], entry["error"]) == ("careless", "0-2", "ValueError: three is no length")
    judge = next(phase for phase in result.phases if phase.name == "judge")
    assert judge.counters["quarantined"] == 1
    assert judge.funnel[0].balanced()


def test_too_many_records_that_cannot_be_judged_fail_the_run(tmp_path: Path) -> None:
    values = careless(tmp_path, "judge fails", minimum=2)
    corpus(tmp_path / "in", [["abc"] * 150])
    with pytest.raises(RunFailedError, match=r"judge 00000: 150 of 150 documents failed, more than engine.max_quarant"):
        run_inline(values, engine={"kind": "inline", "retries": 0})
    with pytest.raises(RunFailedError, match=r"150 of 155 records are bad.*/judge"):
        run_inline(values, engine={"kind": "inline", "max_quarantined_of_shard": 1})


def test_a_missing_package_or_setting_is_nobodys_fault_among_the_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(self: Careless, batch: Any) -> Any:
        raise ImportError("no module named tables")

    monkeypatch.setattr(Careless, "measure", absent)
    with pytest.raises(RunFailedError, match="no module named tables"):
        run_inline(careless(tmp_path, ""))


def test_what_only_decides_is_no_part_of_the_text_pass_key() -> None:
    settings, fields = measure_settings(Lengths("lengths", LengthsConfig(minimum=9)))
    assert settings == {"unit": "characters"}
    assert fields == ["unit"]


def test_ids_that_are_alike_hide_no_lost_document(tmp_path: Path) -> None:
    values = careless(tmp_path, "order")
    for file in (tmp_path / "in").iterdir():
        file.write_text("".join(json.dumps({"id": "same", "text": f"text {n}"}) + "\n" for n in range(3)))
    with pytest.raises(RunFailedError, match="rows were added, repeated or put in another order"):
        run_inline(values)


def test_sets_have_one_order() -> None:
    class Sets(StageConfig):
        names: frozenset[str]

    assert Sets(names=frozenset("dbca")).model_dump(mode="json") == {"names": ["a", "b", "c", "d"]}


def test_settings_that_are_looked_at_can_be_read_and_others_cannot() -> None:
    only = CarelessConfig(how="x", minimum=3).only(["how"])
    assert only.how == "x"
    with pytest.raises(SettingNotInKeyError, match="reads the setting 'minimum'"):
        _ = only.minimum
    assert only.model_dump() == {"how": "x"}
