"""The bound on a worker's memory: what is allocated beyond it fails, and it is told from a machine that has no more."""

import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from dspipe.pipeline.tasks.limits import SPARE_BYTES, deadline, limit_refuses, memory_limit, restart_deadline

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")

MEMORY = 64 << 20
MORE = MEMORY + SPARE_BYTES + (1 << 20)


def test_no_more_can_be_allocated_than_the_memory_and_a_bit() -> None:
    # in a process of its own: what other tests have left to be freed would make room
    subprocess.run([sys.executable, "-c", "import tests.pipeline.tasks.test_limits as t; t.allocate()"], check=True)


def allocate() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with memory_limit(MEMORY):
        assert len(np.ones(MEMORY // 2, np.uint8)) == MEMORY // 2
        with pytest.raises(MemoryError):
            np.ones(MORE, np.uint8)
        assert len(np.ones(MEMORY, np.uint8)) == MEMORY
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert len(np.empty(MORE, np.uint8)) == MORE


def test_the_limit_is_told_from_the_machine() -> None:
    with memory_limit(MEMORY):
        assert limit_refuses(MORE)
        assert not limit_refuses(1 << 20)
    assert not limit_refuses(1 << 60), "without a limit it is the machine that has no more"


def test_a_deadline_may_count_anew() -> None:
    # alone in a process that a deadline ends
    for calls, ending in ("restart", 0), ("leave", -signal.SIGALRM):
        code = f"import tests.pipeline.tasks.test_limits as t; t.take_long({calls!r})"
        assert subprocess.run([sys.executable, "-c", code]).returncode == ending


def take_long(how: str) -> None:
    restart_deadline()  # without one nothing happens
    with deadline(5 if how == "restart" else 1):
        for _ in range(3):
            time.sleep(0.5)
            if how == "restart":
                restart_deadline()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
