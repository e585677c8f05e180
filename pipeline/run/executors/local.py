"""Tasks in worker processes of this machine: one process a worker, kept for the run, replaced when it dies."""

import contextlib
import multiprocessing
import os
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from dspipe.pipeline.run.executors.interface import Event, Failure, Finished, Progressed, run_guarded
from dspipe.pipeline.tasks.spec import TaskSpec


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    spec: TaskSpec | None = None


class LocalExecutor:
    """Worker processes behind pipes. Fresh interpreters (spawn): Arrow's and numba's threads don't survive a fork."""

    one_machine = True

    def __init__(self, workers: int | None) -> None:
        self.capacity = workers or os.cpu_count() or 1
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    def submit(self, spec: TaskSpec) -> None:
        """Give the task to a free worker, starting one if need be."""
        worker = next((worker for worker in self._workers if worker.spec is None), None)
        if worker is None:
            worker = self._start()
            self._workers.append(worker)
        worker.spec = spec
        try:
            worker.pipe.send(spec)
        except OSError:  # the worker died while idle: the wait finds it
            return

    def wait(self) -> list[Event]:
        """Messages of workers, and the deaths of some."""
        events: list[Event] = []
        busy = [worker for worker in self._workers if worker.spec is not None]
        by_handle = {worker.pipe: worker for worker in busy}
        for handle in wait(list(by_handle), timeout=1.0):
            worker = by_handle[handle]  # type: ignore[index]
            spec = worker.spec
            assert spec is not None
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                events.append(Finished(spec, self._reap(worker)))
                continue
            if isinstance(message, tuple):
                events.append(Progressed(spec, *message))
            else:
                worker.spec = None
                events.append(Finished(spec, message))
        return events

    def close(self) -> None:
        """Kill the workers: what they have not committed is no data."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _reap(self, worker: _Worker) -> Failure:
        worker.process.join(5)
        code = worker.process.exitcode
        self._workers.remove(worker)
        worker.pipe.close()
        how = "exit code 1, as where a batch takes longer than engine.deadline" if code == 1 else f"exit code {code}"
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            how = f"{name}, often the kernel's answer to too little memory" if name == "SIGKILL" else name
        return Failure("crash", f"the worker process died ({how})")


def _serve(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what an interrupt means
    # one task is one core's work; the kernels are single-threaded and Arrow's pool would only take other workers' cores
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)

    def moved(documents: int = 0, bytes: int = 0, share: float = 0.0) -> None:
        pipe.send((documents, bytes, share))

    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            spec: TaskSpec = pipe.recv()
            pipe.send(run_guarded(spec, moved))
