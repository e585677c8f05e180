"""The bound on a worker's memory: what is allocated beyond it fails, and it is told from a machine that has no more."""

import resource
import subprocess
import sys

import numpy as np
import pytest

from dspipe.pipeline.tasks.limits import SPARE_BYTES, limit_refuses, memory_limit

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
