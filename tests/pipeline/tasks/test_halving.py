"""The records that make a step fail are found, all others are done, in order."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.errors import ConfigError, ConservationError, MachineError, StageContractError
from dspipe.pipeline.tasks.halving import RecordError, guarded, halved, setting_up


@given(st.integers(1, 40), st.sets(st.integers(0, 39)))
def test_every_record_is_done_or_quarantined(rows: int, bad: set[int]) -> None:
    bad = {record for record in bad if record < rows}
    calls = 0

    def step(batch: pa.RecordBatch) -> list[int]:
        nonlocal calls
        calls += 1
        values = batch.column(0).to_pylist()
        if bad & set(values):
            raise RecordError("stage", f"{sorted(bad & set(values))}")
        return [10 * value for value in values]

    quarantined: list[tuple[int, str]] = []
    found = halved(
        pa.record_batch({"x": range(rows)}),
        step,
        lambda batch, error: quarantined.append((batch.column(0)[0].as_py(), error.error)),
    )
    assert [record for record, _ in quarantined] == sorted(bad)
    assert all(error == f"[{record}]" for record, error in quarantined)
    assert [record for batch, _ in found for record in batch.column(0).to_pylist()] == list(range(rows))
    results = [value for _, result in found if result is not None for value in result]
    assert results == [10 * record for record in range(rows) if record not in bad]
    # a halving for each level above a bad record, and no more
    assert calls <= 1 + 2 * len(bad) * rows.bit_length()


@pytest.mark.parametrize(
    "error",
    [ConservationError("x"), StageContractError("x"), ConfigError("x"), ImportError("x"), MemoryError(), OSError("x")],
)
def test_what_no_record_is_to_blame_for_passes(error: Exception) -> None:
    def step() -> None:
        raise error

    with pytest.raises(type(error)):
        guarded("stage", step)


def test_other_errors_are_the_records() -> None:
    def step() -> None:
        raise ZeroDivisionError("by zero")

    with pytest.raises(RecordError, match="stage lines: ZeroDivisionError: by zero") as caught:
        guarded("lines", step)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert guarded("lines", lambda: 7) == 7


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (ConfigError("no model x", ("model",)), MachineError, r"^stages\.lines\.model: no model x$"),
        (OSError("gone"), MachineError, "^stage lines can't be set up: OSError: gone$"),
        (KeyError("x"), MachineError, "^stage lines can't be set up: KeyError: 'x'$"),
        (StageContractError("x"), StageContractError, r"^x \(with a batch of no rows\)$"),
    ],
)
def test_what_goes_wrong_before_the_first_document_is_the_machines(
    error: Exception, raised: type[Exception], message: str
) -> None:
    with pytest.raises(raised, match=message), setting_up("lines"):
        raise error
