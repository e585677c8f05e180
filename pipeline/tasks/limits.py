"""Bounds on what one batch of documents may take: time, and memory of the worker. The operating system keeps both."""

import faulthandler
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SPARE_BYTES = 1 << 30
"""beside twice the memory that a worker is to use: libraries, arenas, and what Arrow has freed but not given back"""


@contextmanager
def memory_limit(memory: int) -> Iterator[None]:
    """What the process allocates in the block beyond what it has, at most: twice `memory` and a bit. An allocation
    beyond that fails (MemoryError, or the end of the process in a library that doesn't expect it)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = _data_bytes() + 2 * memory + SPARE_BYTES
    if hard != resource.RLIM_INFINITY:
        bound = min(bound, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """End the process where the block takes longer: also in a library's loop, which no exception would reach.

    None: no deadline, as in a process that isn't a worker's.
    """
    if seconds is None:
        yield
        return
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.stderr)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _data_bytes() -> int:
    """The data segment and private mappings of this process, as RLIMIT_DATA counts them (proc(5), VmData)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0
