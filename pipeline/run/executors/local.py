"""Tasks in worker processes of this machine: one process a worker, kept for the run, replaced when it dies."""

import os
from multiprocessing.connection import wait

from dspipe.pipeline.run.executors.interface import Event
from dspipe.pipeline.run.executors.worker import Worker
from dspipe.pipeline.tasks.spec import TaskSpec


class LocalExecutor:
    """Worker processes behind pipes."""

    one_machine = True

    def __init__(self, workers: int | None) -> None:
        self.capacity = workers or os.cpu_count() or 1
        self._workers: list[Worker] = []
        self._started: list[Event] = []

    def check_gpus(self, gpus: float) -> None:
        """Nothing is reserved on one machine: stages have looked at it themselves."""

    def submit(self, spec: TaskSpec) -> None:
        """Give the task to a free worker, starting one if need be."""
        worker = next((worker for worker in self._workers if worker.is_free()), None)
        if worker is None:
            worker = Worker()
            self._workers.append(worker)
        self._started.append(worker.give(spec))

    def wait(self) -> list[Event]:
        """What workers say, and the deaths of some."""
        events, self._started = self._started, []
        by_pipe = {worker.pipe: worker for worker in self._workers if worker.spec is not None}
        for pipe in wait(list(by_pipe), timeout=0 if events else 1.0):
            events += by_pipe[pipe].hear()  # type: ignore[index]
        self._workers = [worker for worker in self._workers if not worker.ended]
        return events

    def cancel(self, spec: TaskSpec) -> None:
        """Kill the task's worker."""
        for worker in self._at_work_on(spec):
            worker.kill()
            self._workers.remove(worker)

    def condition(self, spec: TaskSpec) -> str:
        """Where the task is, and whether its process is stopped."""
        return next((worker.condition() for worker in self._at_work_on(spec)), "")

    def close(self) -> None:
        """Kill the workers: what they have not committed is no data."""
        for worker in self._workers:
            worker.kill()
        self._workers.clear()

    def _at_work_on(self, spec: TaskSpec) -> list[Worker]:
        return [worker for worker in self._workers if worker.spec == spec]
