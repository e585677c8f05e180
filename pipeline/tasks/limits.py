"""Bounds on what one batch of documents may take: time, and memory of the worker. The operating system keeps both."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa

SPARE_BYTES = 128 << 20
"""beside the memory that a worker may use: OpenBLAS's buffer (32 MiB), kernels that are loaded late, and what lies
between allocations. Pages and texts under `memory: 16MiB` (extract, unicode, language, heuristics) need more
than none and less than 64 MiB of it."""


@contextmanager
def memory_limit(memory: int) -> Iterator[None]:
    """What the process allocates in the block beyond what it has, at most: `memory` and SPARE_BYTES. The system counts
    what is allocated, used or not (RLIMIT_DATA), so resident memory stays below. An allocation beyond that fails
    (MemoryError, or the end of the process in a library that doesn't expect it)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = _data_bytes() + memory + SPARE_BYTES
    if hard != resource.RLIM_INFINITY:
        bound = min(bound, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def limit_refuses(size: int) -> bool:
    """Whether `memory_limit`, and not the machine, is what an allocation of so many bytes fails for: beside what there
    is and what it may be a copy of."""
    bound, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return bound != resource.RLIM_INFINITY and _data_bytes() + 2 * size > bound


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """End the process by SIGALRM where the block takes longer: also in a library's loop, which no exception reaches.

    None: no deadline, as in a process that isn't a worker's. Only in a process's main thread.
    """
    if seconds is None:
        yield
        return
    global _deadline_seconds
    before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _deadline_seconds = seconds
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _deadline_seconds = None
        signal.signal(signal.SIGALRM, before)


_deadline_seconds: float | None = None
"""of the block that runs now"""


def restart_deadline() -> None:
    """Let the deadline count from now on, where there is one: a stage that needs long for a batch calls this after each
    part of it, which has its own few documents to blame."""
    if _deadline_seconds is not None:
        signal.setitimer(signal.ITIMER_REAL, _deadline_seconds)


def peak_memory() -> int:
    """Bytes: the most memory that this process has had since `forget_peak_memory`."""
    return _status_bytes("VmHWM")


def forget_peak_memory() -> None:
    """Measure the peak from now on (proc(5), clear_refs). Nothing happens where the system doesn't let it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def release_unused(size: int, batch_bytes: int) -> None:
    """After a batch of `size` bytes that is one long document, as it is more than twice `batch_bytes`: give back what
    Arrow keeps of the memory that was freed, three times the document after it was read from Parquet, twice after it
    was written."""
    if size > 2 * batch_bytes:
        pa.default_memory_pool().release_unused()


def _data_bytes() -> int:
    """The data segment and private mappings of this process, as RLIMIT_DATA counts them (proc(5), VmData)."""
    return _status_bytes("VmData")


def _status_bytes(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0
