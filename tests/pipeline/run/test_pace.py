"""What the tasks that have ended say of those that run."""

from dataclasses import replace

from dspipe.pipeline.run.pace import ENOUGH, Pace, size_of
from dspipe.pipeline.tasks.spec import TaskSpec

SPEC = TaskSpec("k", "judge", "00000", "", {}, "", 0, 0, 1, 1, 1, 0, groups=[10, 20])


def test_the_size_is_what_there_is_to_read() -> None:
    assert size_of(SPEC) == 30
    files = [["/a", "a", 500, None], ["/b", "b", None, None], ["/c", "c", 12, None]]
    assert size_of(replace(SPEC, over="inputs", payload={"files": files})) == 512
    assert size_of(replace(SPEC, groups=[])) == 1


def test_expectations_go_by_size_and_wait_for_some_tasks() -> None:
    pace = Pace(patience_s=100)
    for n in range(ENOUGH):
        assert pace.expected_s(SPEC) is None
        assert pace.limit_s(SPEC) is None
        assert not pace.lags(SPEC, 1e6)
        pace.ended(SPEC, 30 if n else 3000)  # an odd one doesn't count
    large = replace(SPEC, groups=[300])
    assert (pace.expected_s(SPEC), pace.expected_s(large)) == (30, 300)
    assert pace.limit_s(large) == 100 + 3000
    assert [pace.lags(large, seconds) for seconds in (599, 601)] == [False, True]
    assert (pace.silence_s(SPEC), pace.silence_s(large)) == (90, 900)
    assert pace.expected_s(replace(SPEC, phase="emit")) is None


def test_short_tasks_do_not_lag_within_seconds() -> None:
    pace = Pace(100)
    for _ in range(ENOUGH):
        pace.ended(SPEC, 0.1)
    assert [pace.lags(SPEC, seconds) for seconds in (9, 11)] == [False, True]
    assert pace.silence_s(SPEC) == 60
