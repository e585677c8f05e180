"""A Ray cluster as the driver sees it: whether it answers, what it has, and whether its head is still there."""

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from dspipe.pipeline.errors import ConfigError, RunFailedError

_ANSWERS_S = 30.0
"""how long a cluster may take to let a driver in: 12 s were too few once, where ten processes shared each core"""
_HEAD_AWAY_S = 20.0
"""how long the head may be away before the run is given up: Ray itself ends the driver's process after 60 s"""
_LOOK_S = 2.0
_NODES_S = 10.0
"""how long to wait for a list of the nodes: one that was asked for just before the head went never comes"""
_AHEAD_TASKS = 16
_JOIN = "import sys, ray; print('begun', flush=True); ray.init(address=sys.argv[1], log_to_driver=False)"


def check_answers(address: str) -> None:
    """See in another process, which can be ended, that a driver can join the cluster: Ray itself tries for a minute and
    more, or for ever, and writes what it thinks. Raises ConfigError."""
    if address.startswith("ray://"):
        message = "Ray's client (ray://) can't carry a run; start the driver on a node of the cluster, or as a Ray job"
        raise ConfigError(message, ("engine", "address"))
    wrong = _unreachable(address)
    if wrong is None:
        quiet = {**os.environ, "RAY_BACKEND_LOG_LEVEL": "fatal"}
        with subprocess.Popen(
            [sys.executable, "-c", _JOIN, address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=quiet,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()  # importing Ray is the machine's time, not the cluster's
            try:
                _, errors = process.communicate(timeout=_ANSWERS_S)
                said = errors.decode("utf-8", "replace").strip().splitlines()
                wrong = None if process.returncode == 0 else said[-1] if said else f"exit code {process.returncode}"
            except subprocess.TimeoutExpired:
                process.kill()
                wrong = f"nothing that speaks Ray has answered for {_ANSWERS_S:g} s"
    if wrong is not None:
        raise ConfigError(f"no Ray cluster answers at {address}: {wrong}", ("engine", "address"))


def _unreachable(address: str) -> str | None:
    """What is wrong with a `host:port`, if nothing listens there."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return None
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


@dataclass(frozen=True)
class Resources:
    """What the nodes that are there offer."""

    cores: int
    memory: int | None
    """bytes that each core has on the node that has least of it; None: no node says"""
    gpus: float = 0.0


class Cluster:
    """The cluster that this process has joined."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._address = str(ray.get_runtime_context().gcs_address)
        self._looked = self._answered = time.monotonic()
        self._resources = self._ask() or Resources(0, None)
        self.lost = False

    def resources(self) -> Resources:
        """What there is, two seconds ago at most. Raises RunFailedError when the head is gone."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_S:
            self._looked = now
            found = self._ask() if _unreachable(self._address) is None else None  # else Ray would wait for the head
            if found is not None:
                self._answered, self._resources = now, found
            elif now - self._answered > _HEAD_AWAY_S:
                self.lost = True
                raise RunFailedError(
                    f"the Ray cluster's head at {self._address} doesn't answer any more; start the cluster again, and "
                    f"give its address where that is another one"
                )
        return self._resources

    def _ask(self) -> Resources | None:
        answers = SimpleQueue[list[dict[str, Any]] | None]()

        def ask() -> None:
            found = None
            with suppress(Exception):  # Ray's own errors of a head that has just gone are of many kinds
                found = self._ray.nodes()
            answers.put(found)

        threading.Thread(target=ask, daemon=True).start()
        try:
            found = answers.get(timeout=_NODES_S)
        except Empty:
            return None
        if found is None:
            return None
        nodes = [node["Resources"] for node in found if node["Alive"] and node["Resources"].get("CPU")]
        memory = [node["memory"] / node["CPU"] for node in nodes if "memory" in node]
        cores, gpus = (sum(node.get(kind, 0) for node in nodes) for kind in ("CPU", "GPU"))
        return Resources(int(cores), int(min(memory)) if memory else None, gpus)


def tasks_at_a_time(cores: int, limit: int | None) -> int:
    """How many tasks to give to Ray: twice what can run and some, so that an autoscaler sees what waits and adds nodes,
    at most doubling them; never more than the config allows."""
    wanted = 2 * cores + _AHEAD_TASKS
    return min(limit, wanted) if limit else wanted


def leave(ray: Any, lost: bool) -> None:
    """Leave the cluster."""
    with suppress(Exception):
        if not lost:
            ray.shutdown()
