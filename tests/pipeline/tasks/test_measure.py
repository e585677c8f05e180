"""A stage's part in the text pass sees the settings of its key, and does what the stage declares."""

from typing import Any

import pyarrow as pa
import pytest

from dspipe.pipeline.document import document_batch
from dspipe.pipeline.errors import ConservationError, SettingNotInKeyError, StageContractError
from dspipe.pipeline.plan.compile_stages import measure_step
from dspipe.pipeline.tasks.measure import MeasureStep
from tests.engine import configured
from tests.toys.lengths import Lengths


def step(settings: dict[str, Any] | None = None) -> MeasureStep:
    source = {"name": "a", "format": "jsonl", "path": "x"}
    config = configured({"output": "o", "sources": [source], "stages": [{"tests.toys.lengths": settings or {}}]})
    return MeasureStep(measure_step(config, 0)[0], seed=1)


BATCH = document_batch(["alpha", "be"])
LENGTHS = pa.array([5, 2], pa.int64())


def with_texts(batch: pa.RecordBatch, texts: list[str]) -> pa.RecordBatch:
    at = batch.schema.get_field_index("text")
    return batch.set_column(at, batch.schema.field(at), pa.array(texts, pa.large_string()))


def test_texts_may_be_copied() -> None:
    found = step().measure(BATCH)
    measure = step()
    measure._measure = lambda batch: with_texts(found, ["alpha", "be"])
    assert measure.measure(BATCH).column("lengths.length").to_pylist() == [5, 2]


def test_columns_are_appended() -> None:
    found = step().measure(BATCH)
    assert found.schema.names == [*BATCH.schema.names, "lengths.length"]
    assert found.column("lengths.length").to_pylist() == [5, 2]
    assert step().measure(BATCH.slice(0, 0)).num_rows == 0


def test_early_stages_judge_at_once() -> None:
    assert not step().drops_early
    early = step({"early": True})
    assert early.drops_early
    assert early.judge(early.measure(BATCH)).to_pylist() == [None, "lengths.too_short"]


@pytest.mark.parametrize(
    ("after", "error", "message"),
    [
        (lambda batch: None, StageContractError, "measure returned NoneType, not a RecordBatch"),
        (lambda batch: batch.slice(1), ConservationError, "2 documents went in, 1 came out; document x:0 is missing"),
        (lambda batch: batch.take(pa.array([1, 0])), ConservationError, "2 came out; rows were added, repeated or put"),
        (lambda batch: batch.drop_columns(["id"]), KeyError, "id"),
        (lambda batch: batch, StageContractError, r"declares lengths\.length, but measure didn't make it \(it made no"),
        (
            lambda batch: batch.set_column(1, "url", pa.array(["a", "b"])).append_column("lengths.length", LENGTHS),
            StageContractError,
            "measure changed the column url, which isn't the stage's; declare it in measured_columns, or leave it",
        ),
        (
            lambda batch: batch.drop_columns(["dump"]).append_column("lengths.length", LENGTHS),
            StageContractError,
            "measure changed the column dump",
        ),
        (
            lambda batch: batch.set_column(
                batch.schema.get_field_index("text"), "text", pa.array(["A", "B"], pa.large_string())
            ).append_column("lengths.length", LENGTHS),
            StageContractError,
            "measure changed the column text, which isn't the stage's; set `rewrites = True`",
        ),
        (lambda batch: batch.append_column("x", pa.array([1, 2])), StageContractError, r"\(it made x\)"),
        (
            lambda batch: batch.append_column("lengths.length", pa.array([1, 2], pa.int8())),
            StageContractError,
            r"declares lengths\.length as int64, but measure made it as int8",
        ),
    ],
)
def test_what_a_measure_gets_wrong_is_said(
    monkeypatch: pytest.MonkeyPatch, after: Any, error: type[Exception], message: str
) -> None:
    monkeypatch.setattr(Lengths, "measure", lambda self, batch: after(batch))
    with pytest.raises(error, match=message):
        step().measure(BATCH)


def test_a_column_may_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def copied(batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.take(pa.array([0, 1])).append_column("lengths.length", LENGTHS)

    monkeypatch.setattr(Lengths, "measure", lambda self, batch: copied(batch))
    assert step().measure(BATCH).column("text").equals(BATCH.column("text"))


def test_a_stage_is_set_up_with_the_settings_of_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(Lengths, "set_up", lambda self: seen.append(self.config.unit))
    step().set_up()
    assert seen == ["characters"]
    monkeypatch.setattr(Lengths, "set_up", lambda self: self.config.minimum)
    with pytest.raises(SettingNotInKeyError, match="reads the setting 'minimum'"):
        step().set_up()


def test_settings_that_only_decide_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lengths, "measure", lambda self, batch: self.config.minimum)
    with pytest.raises(SettingNotInKeyError, match="reads the setting 'minimum'"):
        step().measure(BATCH)
