"""Cases by number, run in child processes that may end, hang or take all memory: which of them did."""

import faulthandler
import mmap
import os
import resource
import signal
import struct
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

LIMIT_BYTES = 2 << 30
"""More than a child has when it begins."""
_CLOCK = 10
"""Times the limit that a case may take by the clock: on a busy machine it says little."""


def run_cases(
    do: Callable[[int], object], first: int, cases: int, seconds: float, limit_s: float, in_a_child: int
) -> tuple[int, list[tuple[int, str]]]:
    """Do cases from `first` on, until there have been so many or the time is up: how many were done, and number and
    trouble of those that failed. One fails that raises, ends its process, or takes more than `limit_s` seconds of
    processor time; the next goes on in a new child, of which each does `in_a_child` at most."""
    findings: list[tuple[int, str]] = []
    case, deadline = first, time.monotonic() + seconds
    while case < first + cases and time.monotonic() < deadline:
        case, what = _in_a_child(do, case, min(first + cases, case + in_a_child), deadline, limit_s)
        if what is not None:
            findings.append((case, what))
            case += 1
    return case - first, findings


def _in_a_child(
    do: Callable[[int], object], first: int, end: int, deadline: float, limit_s: float
) -> tuple[int, str | None]:
    """The case that a child came to, and what went wrong there; None: nothing did."""
    at = mmap.mmap(-1, 8)
    at[:] = struct.pack("<q", first)
    told_end, tell_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told_end)
        _child(do, first, end, deadline, limit_s, at, tell_end)
    os.close(tell_end)
    last, since = first, time.monotonic()
    with os.fdopen(told_end, "rb") as pipe:
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            (now,) = struct.unpack("<q", at[:])
            if ended:
                break
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > _CLOCK * limit_s:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return now, f"not done after {_CLOCK * limit_s:g} s by the clock"
            time.sleep(0.01)
        told = pipe.read().decode("utf-8", "replace")
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        if name == "SIGPROF":
            return now, f"not done after {limit_s:g} s of processor time ({name})"
        return now, f"ended its process with {name}"
    if os.WEXITSTATUS(status):
        return now, told or f"ended its process with exit code {os.WEXITSTATUS(status)}"
    return now, None


def _child(
    do: Callable[[int], object], first: int, end: int, deadline: float, limit_s: float, at: mmap.mmap, tell: int
) -> None:
    try:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + LIMIT_BYTES, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        faulthandler.disable()  # a crash is told by its signal
        signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process, also within a kernel
        pa.set_memory_pool(pa.system_memory_pool())  # others reserve gigabytes of addresses at once
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        for case in range(first, end):
            at[:] = struct.pack("<q", case)
            signal.setitimer(signal.ITIMER_PROF, limit_s)
            do(case)
            if time.monotonic() > deadline:
                end = case + 1
                break
        at[:] = struct.pack("<q", end)
        os._exit(0)
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        said = f"raised {type(error).__name__} at {place}: {error}"[:300].replace("\n", " ")
        os.write(tell, said.encode("utf-8", "replace"))
        os._exit(1)
