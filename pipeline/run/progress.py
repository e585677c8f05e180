"""What a run shows while it works: a live line per phase on a terminal, a log line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from dspipe.pipeline.quantities import human_bytes, human_seconds
from dspipe.pipeline.visible_text import visible

if TYPE_CHECKING:
    from dspipe.pipeline.run.summary import PhaseSummary

_LOG_EVERY_S = 10.0


class _Meter:
    """Counts a phase's tasks, documents and bytes, and extrapolates."""

    def __init__(self) -> None:
        self.begin("", 0, 0, 0)

    def begin(self, name: str, tasks: int, done: int, bytes: int) -> None:
        self.name, self.tasks, self.done, self.before, self.total_bytes = name, tasks, done, done, bytes
        self.documents = self.bytes = 0
        self.share = 0.0
        self.start = time.monotonic()

    def moved(self, documents: int, bytes: int, share: float) -> None:
        """A task got on: `share` is of that task, where it can tell (training has no documents)."""
        self.documents += documents
        self.bytes += bytes
        self.share += share

    def ended(self) -> None:
        """A task ended."""
        self.done += 1
        self.share = max(0.0, self.share - 1)

    def rates(self) -> str:
        """documents/s, MB/s, how far the task is, and the time left."""
        elapsed = max(1e-3, time.monotonic() - self.start)
        parts = []
        if self.documents:
            parts.append(f"{self.documents / elapsed:,.0f} documents/s")
        if self.bytes:
            parts.append(f"{self.bytes / elapsed / 1e6:,.1f} MB/s")
        if self.share:
            parts.append(f"{self.share:.0%} of {'it' if self.tasks == 1 else 'a task'}")
        fresh = self.done - self.before + self.share
        if fresh and self.done < self.tasks:
            left = max(0.0, self.tasks - self.done - self.share)
            parts.append(f"{human_seconds(elapsed * left / fresh)} left")
        return ", ".join(parts)

    def summary(self, phase: "PhaseSummary") -> str:
        """One line for a phase that ended."""
        elapsed = time.monotonic() - self.start
        if phase.reused == phase.tasks:
            return f"{phase.name}: {phase.tasks:,} tasks, all done before"
        reused = f" ({phase.reused:,} done before)" if phase.reused else ""
        line = (
            f"{phase.name}: {phase.tasks:,} tasks{reused}, {human_bytes(phase.bytes_written)}, {human_seconds(elapsed)}"
        )
        if phase.funnel:
            first, last = phase.funnel[0].entered.documents, phase.funnel[-1].kept.documents
            line += f", {first:,} -> {last:,} documents"
        elif phase.counters.get("read"):
            line += f", {phase.counters['read']:,} documents read"
        return line


class LogProgress:
    """Plain lines on standard error."""

    def __init__(self) -> None:
        self._meter = _Meter()
        self._last = 0.0

    def __enter__(self) -> "LogProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def phase(self, name: str, tasks: int, done: int, bytes: int) -> None:
        """A phase begins."""
        self._meter.begin(name, tasks, done, bytes)
        self._last = time.monotonic()

    def moved(self, documents: int, bytes: int, share: float) -> None:
        """A task got on."""
        self._meter.moved(documents, bytes, share)
        self._tell()

    def ended(self) -> None:
        """A task ended."""
        self._meter.ended()
        self._tell()

    def phase_ended(self, summary: "PhaseSummary") -> None:
        """A phase ended."""
        print(self._meter.summary(summary), file=sys.stderr, flush=True)

    def notice(self, text: str) -> None:
        """Something that a person should know happened."""
        print(visible(text), file=sys.stderr, flush=True)

    def _tell(self) -> None:
        if time.monotonic() - self._last >= _LOG_EVERY_S:
            self._last = time.monotonic()
            meter = self._meter
            rates = meter.rates()
            print(f"{meter.name}: {meter.done:,}/{meter.tasks:,} tasks, {rates}", file=sys.stderr, flush=True)


class LiveProgress:
    """One bar for the phase that runs; a line stays for each that ended."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._meter = _Meter()
        self._console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[rates]}"),
            console=self._console,
            transient=True,
        )
        self._bar = self._progress.add_task("starting", total=None, rates="")

    def __enter__(self) -> "LiveProgress":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def phase(self, name: str, tasks: int, done: int, bytes: int) -> None:
        """A phase begins."""
        self._meter.begin(name, tasks, done, bytes)
        self._progress.reset(self._bar, total=max(1, tasks), completed=done, description=name, rates="")

    def moved(self, documents: int, bytes: int, share: float) -> None:
        """A task got on."""
        self._meter.moved(documents, bytes, share)
        self._show()

    def ended(self) -> None:
        """A task ended."""
        self._meter.ended()
        self._show()

    def _show(self) -> None:
        meter = self._meter
        self._progress.update(self._bar, completed=meter.done + meter.share, rates=meter.rates())

    def phase_ended(self, summary: "PhaseSummary") -> None:
        """A phase ended."""
        self._console.print(f"[green]✓[/] {self._meter.summary(summary)}", highlight=False)

    def notice(self, text: str) -> None:
        """Something that a person should know happened."""
        self._console.print(visible(text), style="yellow", markup=False, highlight=False)


def make_progress() -> LiveProgress | LogProgress:
    """The view that fits standard error."""
    return LiveProgress() if sys.stderr.isatty() else LogProgress()
