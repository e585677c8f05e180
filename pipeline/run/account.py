"""What a driver keeps account of while it works: tasks, documents, failures, by phase. For `.status.json` and metrics.

A `RunAccount` stands between the run and the view that shows it (`pipeline.run.progress`): it counts, and passes on
what it hears. Any thread may ask it for a `RunProgress`.
"""

import os
import threading
import time
from collections import Counter, deque
from pathlib import Path
from typing import Protocol

from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.run.compile_kernels import PHASE as COMPILE
from dspipe.pipeline.run.compile_kernels import TITLE as COMPILE_TITLE
from dspipe.pipeline.run.executors.interface import Event, Failure, Finished, Progressed
from dspipe.pipeline.run.run_progress import Notice, PhaseProgress, RunProgress, RunState
from dspipe.pipeline.run.scheduler import Silent
from dspipe.pipeline.run.segment import Counts
from dspipe.pipeline.run.summary import PhaseSummary
from dspipe.pipeline.storage.lease import Holder
from dspipe.pipeline.storage.secrets import without_secrets
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec

_RATE_SECONDS = 60
"""rates are of the last so many seconds"""
_NOTICES = 10


class Progress(Counts, Protocol):
    """Hears how a run gets on. Phases may overlap: one begins while shards are still in those before it."""

    def moved(self, phase: str, documents: int, bytes: int, share: float) -> None:
        """A task of a phase got on by so many documents and bytes, or by this share of it."""

    def ended(self, phase: str) -> None:
        """A task of a phase ended."""

    def phase_ended(self, summary: PhaseSummary) -> None:
        """A phase ended."""

    def alive(self) -> None:
        """The run goes on: said every second or so, also where nothing happens."""

    def notice(self, text: str) -> None:
        """Something that a person should know happened."""


class RunAccount:
    """What is known of a run that goes on. `view` hears it, too."""

    def __init__(self, plan: Plan, view: "Progress") -> None:
        self._plan, self._view = plan, view
        self._lock = threading.Lock()
        self._started, self._began = time.time(), time.monotonic()
        self._phases: dict[str, _Phase] = {}
        self._attempts: dict[str, dict[int, _Attempt]] = {}
        """those at work, by the key of their task and the number of its start"""
        self._failed: set[str] = set()
        self._driver = Holder.me().who
        self._notices: deque[Notice] = deque(maxlen=_NOTICES)

    # what it hears

    def phase(self, name: str, tasks: int) -> None:
        """A phase begins."""
        with self._lock:
            self._phases.setdefault(name, _Phase()).begin(tasks)
        self._view.phase(name, tasks)

    def tasks(self, phase: str, done: int, bytes: int) -> None:
        """So many of its tasks were done before."""
        with self._lock:
            self._phases[phase].found(done)
        self._view.tasks(phase, done, bytes)

    def phase_ended(self, summary: PhaseSummary) -> None:
        """A phase ended."""
        with self._lock:
            self._phases[summary.name].end(summary)
        self._view.phase_ended(summary)

    def alive(self) -> None:
        """The run goes on."""
        with self._lock:
            for phase in self._phases.values():
                phase.remember()
        self._view.alive()

    def notice(self, text: str) -> None:
        """Something that a person should know happened."""
        with self._lock:
            self._notices.append(Notice(time.time(), without_secrets(text)))
        self._view.notice(text)

    def heard(self, event: Event | Silent) -> None:
        """Something happened to a task, or nothing for long."""
        if isinstance(event, Silent):
            self.notice(str(event))
            return
        spec = event.spec
        with self._lock:
            done = self._counted(event, self._phases.setdefault(spec.phase, _Phase()))
        if isinstance(event, Progressed):
            self._view.moved(spec.phase, event.documents, event.bytes, event.share)
        elif done:
            self._view.ended(spec.phase)

    def _counted(self, event: Event, phase: "_Phase") -> bool:
        """Whether the event is the end of a task that is done."""
        spec = event.spec
        phase.began = time.monotonic() if phase.began is None else phase.began
        if isinstance(event, Finished):
            attempt = self._attempts.get(spec.key, {}).pop(spec.attempt, None)
            if isinstance(event.outcome, Failure):
                phase.failures[event.outcome.kind] += 1
                self._failed.add(spec.key)
                return False
            if spec.probe is not None and spec.phase != COMPILE:
                return False  # a step in the search for a record that ends workers
            self._failed.discard(spec.key)
            self._attempts.pop(spec.key, None)  # another start of the task, which is given up
            phase.add_done(event.outcome, attempt)
            return True
        attempt = self._attempts.setdefault(spec.key, {}).setdefault(spec.attempt, _Attempt(spec))
        if isinstance(event, Progressed):
            attempt.moved(event)
            phase.documents += event.documents
            phase.bytes += event.bytes
        else:
            phase.retries += spec.key in self._failed
        return False

    # what it says

    def progress(self, state: RunState = "running", message: str = "", every_seconds: float = 0.0) -> RunProgress:
        """How far the run is now."""
        with self._lock:
            attempts: dict[str, list[_Attempt]] = {}
            running = [attempt for starts in self._attempts.values() for attempt in starts.values()]
            for attempt in running:
                attempts.setdefault(attempt.phase, []).append(attempt)
            titles = {phase.name: phase.title for phase in self._plan.phases}
            if COMPILE in self._phases:
                titles = {COMPILE: COMPILE_TITLE, **titles}
            tasks = {phase.name: self._plan.tasks(phase) for phase in self._plan.phases}
            phases = []
            for name, title in titles.items():
                phase = self._phases.get(name)
                if phase is None:
                    phases.append(PhaseProgress(name, title, tasks=tasks[name]))
                else:
                    phases.append(phase.progress(name, title, attempts.get(name, [])))
            return RunProgress(
                run=self._plan.config.name,
                state=state,
                started=self._started,
                written=time.time(),
                every_seconds=every_seconds,
                driver=self._driver,
                engine=self._plan.config.engine.kind,
                phases=phases,
                workers=len(running),
                memory=resident_memory(),
                message=without_secrets(message),
                notices=list(self._notices),
            )


class _Attempt:
    """A task that a worker is at."""

    def __init__(self, spec: TaskSpec) -> None:
        self.phase = spec.phase
        self.rows = sum(spec.groups) if spec.over == "shards" else 0
        self.stored = sum(file[2] or 0 for file in spec.payload.get("files", ())) if spec.over == "inputs" else 0
        self.documents, self.bytes, self.share = 0, 0, 0.0

    def moved(self, event: Progressed) -> None:
        self.documents += event.documents
        self.bytes += event.bytes
        self.share += event.share

    def done(self, bytes_per_stored: float) -> float:
        """What share of it is done, as far as can be known: below 1."""
        by_rows = self.documents / self.rows if self.rows else 0.0
        by_bytes = self.bytes / (self.stored * bytes_per_stored) if self.stored and bytes_per_stored else 0.0
        return min(0.99, max(self.share, by_rows, by_bytes))


class _Phase:
    """The counts of a phase that has begun."""

    def __init__(self) -> None:
        self.tasks = self.done = self.reused = self.documents = self.bytes = self.retries = self.quarantined = 0
        self.failures: Counter[str] = Counter()
        self.bytes_of_done = self.stored_of_done = 0
        """of tasks that are done: what they went through, and what that is in stored files"""
        self.began: float | None = None
        """when the first of its tasks was heard of"""
        self.ended: float | None = None
        self.summary: PhaseSummary | None = None
        self.past: deque[tuple[float, int, int]] = deque(maxlen=_RATE_SECONDS)

    def begin(self, tasks: int) -> None:
        """Begin, perhaps anew: a file of an earlier phase was damaged."""
        self.tasks, self.done, self.reused, self.quarantined = tasks, 0, 0, 0
        self.ended, self.summary = None, None

    def found(self, done: int) -> None:
        self.done += done
        self.reused += done

    def add_done(self, manifest: Manifest, attempt: "_Attempt | None") -> None:
        self.done += 1
        self.quarantined += manifest.get("counters", {}).get("quarantined", 0)
        if attempt is not None:
            self.bytes_of_done += attempt.bytes
            self.stored_of_done += attempt.stored

    def end(self, summary: PhaseSummary) -> None:
        self.ended, self.summary = time.monotonic(), summary

    def remember(self) -> None:
        if self.began is not None:
            self.past.append((time.monotonic(), self.documents, self.bytes))

    def progress(self, name: str, title: str, attempts: list[_Attempt]) -> PhaseProgress:
        done = self.summary is not None or self.done >= self.tasks > 0
        if done and self.ended is None:
            self.ended = time.monotonic()
        now = self.ended if self.ended is not None else time.monotonic()
        began = self.began if self.began is not None else now
        elapsed = now - began
        known = self.bytes_of_done / self.stored_of_done if self.stored_of_done else 0.0
        half_done = sum(attempt.done(known) for attempt in attempts)
        fresh, left = self.done - self.reused + half_done, max(0.0, self.tasks - self.done - half_done)
        since, documents, bytes = self.past[0] if self.past else (began, 0, 0)
        seconds = max(1e-3, time.monotonic() - since)
        entered, kept, quarantined = None, None, self.quarantined
        if self.summary is not None:
            entered, kept = documents_of(self.summary)
            quarantined = self.summary.counters.get("quarantined", 0)
        return PhaseProgress(
            name=name,
            title=title,
            state="done" if done else "running" if self.done or self.began is not None else "to come",
            tasks=self.tasks,
            done=self.done,
            reused=self.reused,
            running=len(attempts),
            share=1.0 if done else min(1.0, (self.done + half_done) / self.tasks) if self.tasks else 0.0,
            documents=self.documents,
            entered=entered,
            kept=kept,
            bytes=self.bytes,
            documents_per_second=None if done or not self.documents else (self.documents - documents) / seconds,
            bytes_per_second=None if done or not self.bytes else (self.bytes - bytes) / seconds,
            seconds=round(elapsed, 1),
            seconds_left=None if done or not fresh else round(elapsed * left / fresh, 1),
            failures=dict(self.failures),
            retries=self.retries,
            quarantined=quarantined,
        )


def documents_of(summary: PhaseSummary) -> tuple[int | None, int | None]:
    """Documents that came into a phase that has ended, and those that were kept after it. None: it decides nothing."""
    if summary.funnel:
        return summary.funnel[0].entered.documents, summary.funnel[-1].kept.documents
    read = summary.counters.get("read")
    return read, None if read is None else read - summary.counters.get("quarantined", 0)


def resident_memory() -> int:
    """Bytes of memory that this process holds now; 0 where the system doesn't say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
