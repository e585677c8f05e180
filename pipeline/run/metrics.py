"""How far a run is as metrics of Prometheus, on a port of the driver: asked for with `dspipe run --metrics PORT`.

Names begin with `dspipe_`; each has the label `run`, those of phases `phase`. docs/grafana.json is a board of them.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.run.run_progress import RunProgress

if TYPE_CHECKING:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

_LOOPBACK = "127.0.0.1"


def parse_address(text: str) -> tuple[str, int]:
    """`PORT`, on the loopback interface alone, or `HOST:PORT`. Raises ConfigError."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or not 0 <= int(port) < 1 << 16:
        raise ConfigError(
            f"--metrics {text}: expected a port, like 9300, or an interface and a port, like 0.0.0.0:9300"
        )
    return host.strip("[]") or _LOOPBACK, int(port)


@contextlib.contextmanager
def serving(address: str, progress: Callable[[], RunProgress]) -> Iterator[int]:
    """Answer on an address while the block runs; `progress` is asked anew each time. Gives the port (of `:0` the one
    that was free). Raises ConfigError where it is taken, or prometheus_client isn't installed."""
    host, port = parse_address(address)
    try:
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError:
        raise ConfigError("--metrics needs prometheus_client: pip install 'dspipe[metrics]'") from None
    registry = CollectorRegistry()
    registry.register(_Collector(progress))
    try:
        server, thread = start_http_server(port, host, registry)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"--metrics {address}: cannot listen on {host}, port {port}: {reason}") from None
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5.0)


class _Collector:
    """Makes metrics of what the driver says now."""

    def __init__(self, progress: Callable[[], RunProgress]) -> None:
        self._progress = progress

    def describe(self) -> list["GaugeMetricFamily"]:
        """Nothing in advance: the registry would ask for all of it before there is a run."""
        return []

    def collect(self) -> Iterator["GaugeMetricFamily | CounterMetricFamily"]:
        """All metrics."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        said = self._progress()
        run = said.run

        def gauge(name: str, text: str, value: float) -> "GaugeMetricFamily":
            family = GaugeMetricFamily(f"dspipe_{name}", text, labels=("run",))
            family.add_metric((run,), value)
            return family

        yield gauge("run_seconds", "Seconds since this start of the run.", said.written - said.started)
        yield gauge("phases", "Phases of the run.", len(said.phases))
        yield gauge("phases_done", "Phases that are done.", sum(phase.state == "done" for phase in said.phases))
        yield gauge("workers", "Workers at a task.", said.workers)
        yield gauge("driver_memory_bytes", "Memory that the driver's process holds.", said.memory)
        labels = ("run", "phase")
        tasks = GaugeMetricFamily("dspipe_phase_tasks", "Tasks of the phase.", labels=labels)
        done = GaugeMetricFamily("dspipe_phase_tasks_done", "Tasks that are done, whenever they were.", labels=labels)
        running = GaugeMetricFamily("dspipe_phase_tasks_running", "Tasks that a worker is at.", labels=labels)
        share = GaugeMetricFamily("dspipe_phase_share", "Share of the phase that is done, 0 to 1.", labels=labels)
        left = GaugeMetricFamily("dspipe_phase_seconds_left", "Seconds left at this start's pace.", labels=labels)
        documents = CounterMetricFamily("dspipe_documents", "Documents that tasks went through.", labels=labels)
        bytes = CounterMetricFamily("dspipe_bytes", "Bytes of documents that tasks went through.", labels=labels)
        failures = CounterMetricFamily(
            "dspipe_task_failures", "Starts of tasks that gave no result.", labels=(*labels, "kind")
        )
        retries = CounterMetricFamily("dspipe_task_retries", "Starts of tasks that had failed before.", labels=labels)
        bad = GaugeMetricFamily("dspipe_quarantined_records", "Records in the quarantine.", labels=labels)
        for phase in said.phases:
            here = (run, phase.name)
            tasks.add_metric(here, phase.tasks or 0)
            done.add_metric(here, phase.done)
            running.add_metric(here, phase.running)
            share.add_metric(here, phase.share)
            if phase.seconds_left is not None:
                left.add_metric(here, phase.seconds_left)
            documents.add_metric(here, phase.documents)
            bytes.add_metric(here, phase.bytes)
            for kind, n in phase.failures.items():
                failures.add_metric((*here, kind), n)
            retries.add_metric(here, phase.retries)
            bad.add_metric(here, phase.quarantined)
        yield from (tasks, done, running, share, left, documents, bytes, failures, retries, bad)
