"""Tasks in the calling process, one after the other: for a debugger, and for tests."""

from dataclasses import replace

from dspipe.pipeline.run.executors.interface import Event, Finished, Progressed, run_guarded
from dspipe.pipeline.tasks.spec import TaskSpec


class InlineExecutor:
    """Runs a task when it is waited for."""

    capacity = 1
    one_machine = False  # and one process: nothing is compiled twice

    def __init__(self) -> None:
        self._waiting: list[TaskSpec] = []

    def check_gpus(self, gpus: float) -> None:
        """Nothing is reserved on one machine: stages have looked at it themselves."""

    def submit(self, spec: TaskSpec) -> None:
        """Keep the task for the next wait."""
        self._waiting.append(spec)

    def wait(self) -> list[Event]:
        """Run the tasks that wait."""
        events: list[Event] = []
        for spec in self._waiting:

            def moved(documents: int = 0, bytes: int = 0, share: float = 0.0, spec: TaskSpec = spec) -> None:
                events.append(Progressed(spec, documents, bytes, share))

            # a deadline ends the process, which is the caller's here
            events.append(Finished(spec, run_guarded(replace(spec, deadline=None), moved)))
        self._waiting.clear()
        return events

    def cancel(self, spec: TaskSpec) -> None:
        """Forget a task that hasn't run yet."""
        self._waiting = [waiting for waiting in self._waiting if waiting != spec]

    def condition(self, spec: TaskSpec) -> str:
        """Nothing is known beside: it runs while it is waited for."""
        return ""

    def close(self) -> None:
        """Nothing runs."""
