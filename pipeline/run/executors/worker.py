"""A worker: a process of its own that runs one task after the other, and what is known of how it ends.

A fresh interpreter: Arrow's and numba's threads don't survive a fork. It dies with the process that started it, and
ends with what it did not do by itself told apart: a signal, the deadline, an exit.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from dspipe.pipeline.run.executors.board import Board
from dspipe.pipeline.run.executors.interface import Event, Failure, Finished, Progressed, Started, run_guarded
from dspipe.pipeline.tasks.limits import forget_peak_memory
from dspipe.pipeline.tasks.place import Place
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec

_PR_SET_PDEATHSIG = 1
_FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""signals that others send; what a process does itself ends in others"""
_ENVIRONMENT = {"MIMALLOC_DISALLOW_ARENA_ALLOC": "1", "OPENBLAS_NUM_THREADS": "1"}
"""where the driver's own doesn't say otherwise. Arrow's allocator would reserve memory by the GiB and keep it, which
counts as allocated (`tasks.limits`); without that a run over 12.8 MB of web archives and 26 MB of texts took 12.0 s of
CPU time as before, and 0.3 s more of the system's. OpenBLAS would take a buffer of 32 MiB for each core."""
_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from {module} import serve; serve(*sys.argv[2:])"


class Worker:
    """A worker process, seen from the one that started it."""

    def __init__(self) -> None:
        self.pipe, theirs = Pipe()
        self._board = Board()
        command = [sys.executable, "-c", _START.format(module=__name__), json.dumps(sys.path)]
        numbers = [str(number) for number in (theirs.fileno(), self._board.file, os.getpid())]
        self._process = subprocess.Popen(
            [*command, *numbers],
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), self._board.file),
            env={**_ENVIRONMENT, **os.environ},
        )
        theirs.close()
        self.sees_gpus = os.environ.get("CUDA_VISIBLE_DEVICES")
        self.spec: TaskSpec | None = None
        self._peak_bytes = 0

    @property
    def name(self) -> str:
        """For a person."""
        return f"process {self._process.pid}"

    def give(self, spec: TaskSpec) -> Started:
        """Let it run a task."""
        self.spec = spec
        self._board.clear()
        with contextlib.suppress(OSError):  # it died while idle: `hear` finds it
            self.pipe.send(spec)
        return Started(spec, self.name)

    def hear(self) -> list[Event]:
        """What the worker says, once its pipe has something; its end is the end of its task, and `spec` None."""
        events: list[Event] = []
        while self.spec is not None:
            spec = self.spec
            try:
                message = self.pipe.recv()
            except (EOFError, OSError):
                events.append(Finished(spec, self._ended()))
                self.spec = None
                return events
            if isinstance(message, tuple):
                events.append(Progressed(spec, *message))
            else:
                events.append(Finished(spec, message))
                self.spec = None
            if not self.pipe.poll():
                break
        return events

    @property
    def ended(self) -> bool:
        """Whether its end is known."""
        return self._process.returncode is not None

    def is_free(self) -> bool:
        """Whether it can be given a task."""
        return self.spec is None and self._process.poll() is None

    @property
    def place(self) -> Place | None:
        """Where in the shard its task is."""
        return self._board.place()

    def condition(self) -> str:
        """Where in the shard its task is, and whether the process is stopped."""
        place = self.place
        with contextlib.suppress(OSError):
            state = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state in "Tt":
                return f"stopped by a signal{f', in {place}' if place else ''}"
        return f"in {place}" if place else ""

    def kill(self) -> None:
        """End the process: what it has not committed is no data."""
        if not self.ended:
            self._process.kill()
            self._reap()
        if not self.pipe.closed:
            self.pipe.close()
            self._board.close()

    def _ended(self) -> Failure:
        """How the process ended, which has closed its pipe."""
        place = self.place
        patience = time.monotonic() + 5
        while not self._reap(os.WNOHANG):
            if time.monotonic() > patience:  # it has closed its pipe and goes on
                self._process.kill()
                self._reap()
                break
            time.sleep(0.01)
        code = self._process.returncode
        self.kill()
        assert self.spec is not None
        how = _how_it_ended(code, self.spec.deadline if place else None)
        at = f", {place}" if place else ""
        from_outside = code < 0 and -code in _FROM_OUTSIDE
        message = f"the worker process {how}{at}"
        return Failure("crash", message, place=place, peak_bytes=self._peak_bytes, from_outside=from_outside)

    def _reap(self, options: int = 0) -> bool:
        try:
            pid, status, usage = os.wait4(self._process.pid, options)
        except ChildProcessError:  # somebody else has waited for it
            self._process.returncode = 0
            return True
        if pid:
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self._peak_bytes = usage.ru_maxrss * 1024
        return bool(pid)


def _how_it_ended(code: int, deadline: float | None) -> str:
    """What an exit code says."""
    if code >= 0:
        return f"ended itself (exit code {code})"
    name = signal.Signals(-code).name
    if -code == signal.SIGALRM and deadline is not None:
        return f"took longer for a batch than engine.deadline ({deadline:g} s)"
    often = ", often the kernel's answer to too little memory" if name == "SIGKILL" else ""
    return f"was ended by {name}{often}"


def serve(pipe: str, board: str, parent: str) -> None:
    """The worker's side: run what comes through the pipe until it is closed. The numbers of two files and a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what an interrupt means
    _die_with(int(parent))
    # one task is one core's work; the kernels are single-threaded and Arrow's pool would only take other workers' cores
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    driver, place = Connection(int(pipe)), Board(int(board))

    def moved(documents: int = 0, bytes: int = 0, share: float = 0.0) -> None:
        driver.send((documents, bytes, share))

    with contextlib.suppress(EOFError, OSError):
        while True:
            spec: TaskSpec = driver.recv()
            forget_peak_memory()
            outcome: Manifest | Failure = run_guarded(spec, moved, place.write)
            driver.send(outcome)


def _die_with(parent: int) -> None:
    """Be killed when the process that started this one ends, however it ends (Linux: prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before this
            os._exit(1)
