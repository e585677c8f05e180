"""CPU time by what a task does."""

import time

import pytest

from dspipe.pipeline.tasks.stage_clock import SET_UP, StageClock


def test_time_is_charged_to_what_was_said_last(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1.0, 2.5, 2.75, 3.0, 7.0, 7.0])
    monkeypatch.setattr(time, "process_time", lambda: next(now))
    clock = StageClock()
    for what in ("read", "language", "read"):
        clock.to(what)
    assert clock.as_json() == {SET_UP: 1.5, "read": 4.25, "language": 0.25}
