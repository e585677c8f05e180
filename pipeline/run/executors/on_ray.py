"""Tasks on Ray: plain Core tasks with files as the hand-over, on a local Ray or on a cluster by address."""

import os
import time
from typing import Any

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.run.executors.interface import Event, Failure, Finished, run_guarded
from dspipe.pipeline.tasks.spec import TaskSpec


class RayExecutor:
    """One Ray task per task, one core each, `memory` reserved; retries are the driver's, so none are Ray's.

    Progress within a task isn't reported. Workers import dspipe from their own environment: every node has it installed
    (docker/ holds an image), at the driver's version.
    """

    one_machine = False

    def __init__(self, address: str | None, workers: int | None, memory: int) -> None:
        import ray

        self._ray = ray
        self._ours = not ray.is_initialized()
        if self._ours:
            settings: dict[str, Any] = {"log_to_driver": False, "include_dashboard": False, "logging_level": "error"}
            if address is None:
                settings |= {"num_cpus": workers or os.cpu_count()}
            try:
                ray.init(address=address or "local", **(settings if address is None else {"log_to_driver": False}))
            except ConnectionError as error:
                raise ConfigError(f"no Ray cluster answers at {address}: {error}", ("engine", "address")) from None
        self._limit, self._looked = workers, -1.0
        # reserving more than a node has would wait for ever
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        fitting = [node["memory"] / node["CPU"] for node in nodes if "memory" in node]
        reserve = int(min([memory, *fitting]))
        self._run = ray.remote(num_cpus=1, memory=reserve, max_retries=0)(_run_remotely)
        self._running: dict[Any, TaskSpec] = {}
        self.capacity = 1
        self._look_at_cluster()

    def submit(self, spec: TaskSpec) -> None:
        """Start a Ray task."""
        self._running[self._run.remote(spec)] = spec

    def wait(self) -> list[Event]:
        """Tasks that ended, and workers that died under one."""
        self._look_at_cluster()
        done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=1.0)
        events: list[Event] = []
        for reference in done:
            spec = self._running.pop(reference)
            try:
                events.append(Finished(spec, self._ray.get(reference)))
            except self._ray.exceptions.RayError as error:
                first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                events.append(Finished(spec, Failure("crash", f"Ray lost the task: {first}")))
        return events

    def _look_at_cluster(self) -> None:
        # nodes come and go under an autoscaler; a second's old count is fine
        if time.monotonic() - self._looked < 1.0:
            return
        self._looked = time.monotonic()
        cores = int(self._ray.cluster_resources().get("CPU", 0))
        self.capacity = max(1, min(self._limit, cores) if self._limit else cores)

    def close(self) -> None:
        """Cancel what runs; leave the cluster."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        if self._ours:
            self._ray.shutdown()


def _run_remotely(spec: TaskSpec) -> Any:
    import pyarrow as pa

    pa.set_cpu_count(1)
    return run_guarded(spec, lambda documents=0, bytes=0, share=0.0: None)
