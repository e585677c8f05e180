"""Tasks on Ray: plain Core tasks with files as the hand-over, on a local Ray or on a cluster by address.

The work isn't done in Ray's own process but in a worker (`executors.worker`), which that process keeps from task to
task and watches: so memory, deadlines and the ends of workers are the same as on one machine, and a document that ends
a worker never takes Ray's process along. What the worker says comes back as a stream.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.run.executors.interface import Event, Failure, Finished, Progressed, Started
from dspipe.pipeline.run.executors.ray_cluster import Cluster, check_answers, leave, tasks_at_a_time
from dspipe.pipeline.run.executors.worker import Worker
from dspipe.pipeline.tasks.place import Place
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec

_SAY_S = 1.0
_WORDS_PER_S = 200
"""what all workers together say of their progress, at most"""


@dataclass
class _Task:
    """A task that Ray has."""

    spec: TaskSpec
    reserved: int
    started: bool = False
    place: Place | None = None
    condition: str = ""


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """With SIGTERM, by which schedulers take nodes back, as it was before: Ray sets its own, which ends the process."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if before is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


class RayExecutor:
    """One Ray task per task, one core each, `memory` reserved; retries are the driver's, so none are Ray's.

    Workers import dspipe from their own environment: every node has it installed (docker/ holds an image), at the
    driver's version.
    """

    one_machine = False

    def __init__(self, address: str | None, workers: int | None, memory: int) -> None:
        """Raises ConfigError where no cluster answers at the address."""
        import ray

        self._ray, self._limit, self._memory = ray, workers, memory
        self._ours = not ray.is_initialized()
        if self._ours:
            with _sigterm_kept():
                self._join(address, workers)
        self._run = ray.remote(num_cpus=1, max_retries=0)(_run_remotely)
        self._cluster = Cluster(ray)
        self._tasks: dict[Any, _Task] = {}

    def _join(self, address: str | None, workers: int | None) -> None:
        said: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if address is not None:
            check_answers(address)
            self._ray.init(address=address, **said)
        else:
            self._ray.init("local", num_cpus=workers or os.cpu_count(), include_dashboard=False, **said)

    @property
    def capacity(self) -> int:
        """Tasks to have in flight: more than can run."""
        return tasks_at_a_time(self._cluster.resources().cores, self._limit)

    def check_gpus(self, gpus: float) -> None:
        """Raises ConfigError where no node has a GPU now: Ray would let the tasks wait for ever."""
        if gpus and not self._cluster.resources().gpus:
            raise ConfigError(
                "a stage asks for a GPU, and no node of the Ray cluster has one now: start a node with a GPU before "
                "the run (an autoscaler: at least one), or let the stage do without",
                ("engine",),
            )

    def submit(self, spec: TaskSpec) -> None:
        """Start a Ray task."""
        # reserving more than a node has would wait for ever; of nodes to come nothing is known
        memory = min(self._memory, self._cluster.resources().memory or 0)
        say_s = max(_SAY_S, len(self._tasks) / _WORDS_PER_S)
        options = {"memory": memory, **({"num_gpus": spec.gpus} if spec.gpus else {})}
        self._tasks[self._run.options(**options).remote(spec, say_s)] = _Task(spec, memory)

    def wait(self) -> list[Event]:
        """What workers say, tasks that ended, and those that Ray has lost."""
        self._give_anew_what_fits_no_node()
        ready, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=1.0)
        if ready:
            ready, _ = self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=0)
        return [event for stream in ready for event in self._hear(stream)]

    def cancel(self, spec: TaskSpec) -> None:
        """End the task, and the worker with it."""
        for stream, task in list(self._tasks.items()):
            if task.spec == spec:
                del self._tasks[stream]
                self._ray.cancel(stream, force=True)

    def condition(self, spec: TaskSpec) -> str:
        """Where the task was when it said so last."""
        return next((task.condition for task in self._tasks.values() if task.spec == spec), "")

    def close(self) -> None:
        """Cancel what runs; leave the cluster."""
        if not self._cluster.lost:
            for stream in self._tasks:
                self._ray.cancel(stream, force=True)
        self._tasks.clear()
        if self._ours:
            leave(self._ray, self._cluster.lost)

    def _hear(self, stream: Any) -> list[Event]:
        task = self._tasks[stream]
        try:
            said = self._ray.get(next(stream))
        except StopIteration:
            said = Failure("lost", "Ray ended the task without an answer")
        except self._ray.exceptions.OutOfMemoryError as error:
            said = Failure("crash", _first_line(error), place=task.place, from_outside=True)
        except self._ray.exceptions.RayError as error:
            said = Failure("lost", f"Ray lost the task: {_first_line(error)}")
        if isinstance(said, str):
            task.started = True
            return [Started(task.spec, said)]
        if isinstance(said, tuple):
            documents, bytes, share, task.place, task.condition = said
            return [Progressed(task.spec, documents, bytes, share)]
        del self._tasks[stream]
        return [Finished(task.spec, said)]

    def _give_anew_what_fits_no_node(self) -> None:
        memory = self._cluster.resources().memory
        for task in list(self._tasks.values()):
            if not task.started and memory is not None and task.reserved > memory:
                self.cancel(task.spec)
                self.submit(task.spec)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


_idle: list[Worker] = []
"""of one of Ray's processes: its worker, while it has no task"""


def _run_remotely(spec: TaskSpec, say_s: float) -> Iterator[Any]:
    """In one of Ray's processes: run a task in its worker. Gives the worker's name, what it says every `say_s` seconds
    (documents, bytes, share, place, condition), and at last what the task gave."""
    # Ray says by this variable which GPU is the task's, and a process reads it once
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    worker = next((worker for worker in _idle if worker.is_free() and worker.sees_gpus == seen), None)
    for other in _idle:
        if other is not worker:
            other.kill()
    _idle.clear()
    worker = worker or Worker()
    worker.give(spec)
    yield f"{worker.name} on {socket.gethostname()}"
    outcome: Manifest | Failure | None = None
    moved, told, said = _Moved(), "", time.monotonic()
    while outcome is None:
        for event in worker.hear() if worker.pipe.poll(say_s) else ():
            if isinstance(event, Finished):
                outcome = event.outcome
            elif isinstance(event, Progressed):
                moved.add(event)
        condition = worker.condition() if outcome is None else ""
        if (moved or condition != told) and (outcome is not None or time.monotonic() - said >= say_s):
            yield (*moved.take(), worker.place if outcome is None else None, condition)
            told, said = condition, time.monotonic()
    if worker.is_free():
        _idle.append(worker)
    yield outcome


class _Moved:
    """Progress that is still to be told."""

    def __init__(self) -> None:
        self._sums = 0, 0, 0.0

    def add(self, event: Progressed) -> None:
        documents, bytes, share = self._sums
        self._sums = documents + event.documents, bytes + event.bytes, share + event.share

    def __bool__(self) -> bool:
        return any(self._sums)

    def take(self) -> tuple[int, int, float]:
        sums, self._sums = self._sums, (0, 0, 0.0)
        return sums
