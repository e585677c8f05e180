"""What a run shows while it works."""

from types import SimpleNamespace

import pytest

from dspipe.pipeline.run.progress import LogProgress


def test_a_log_tells_how_far_a_long_task_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 20))  # 20 seconds from look to look
    monkeypatch.setattr("dspipe.pipeline.run.progress.time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    progress = LogProgress()
    progress.phase("train", 1)
    for _ in range(2):
        progress.moved("train", 0, 0, 0.25)
        progress.alive()
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("train: 0/1 tasks, 25% of it, ")
    assert second.startswith("train: 0/1 tasks, 50% of it, ")
    progress = LogProgress()
    progress.phase("read", 2)
    progress.tasks("read", 0, 1000)
    progress.moved("read", 10, 1000, 0.0)
    progress.ended("read")
    progress.alive()
    assert "of a task" not in capsys.readouterr().err
