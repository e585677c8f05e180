"""What a run shows while it works: a live line per phase on a terminal, a log line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from dspipe.pipeline.quantities import human_bytes, human_seconds
from dspipe.pipeline.visible_text import visible

if TYPE_CHECKING:
    from rich.progress import TaskID

    from dspipe.pipeline.run.summary import PhaseSummary

_LOG_EVERY_S = 10.0


class _Meter:
    """Counts a phase's tasks, documents and bytes, and extrapolates."""

    def __init__(self, name: str, tasks: int) -> None:
        self.name, self.tasks, self.done, self.before = name, tasks, 0, 0
        self.documents = self.bytes = 0
        self.share = 0.0
        self.start = time.monotonic()

    def found(self, done: int) -> None:
        """So many tasks were done before."""
        self.done += done
        self.before += done

    def moved(self, documents: int, bytes: int, share: float) -> None:
        """A task got on: `share` is of that task, where it can tell (training has no documents)."""
        self.documents += documents
        self.bytes += bytes
        self.share += share

    def ended(self) -> None:
        """A task ended."""
        self.done += 1
        self.share = max(0.0, self.share - 1)

    def line(self) -> str:
        """One line for a phase that goes on."""
        return f"{self.name}: {self.done:,}/{self.tasks:,} tasks, {self.rates()}".removesuffix(", ")

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


class _Metered:
    """The meters of the phases at work."""

    def __init__(self) -> None:
        self._meters: dict[str, _Meter] = {}

    def phase(self, name: str, tasks: int) -> None:
        """A phase begins."""
        self._meters[name] = _Meter(name, tasks)

    def tasks(self, phase: str, done: int, bytes: int) -> None:
        """So many of its tasks were done before."""
        self._meters[phase].found(done)

    def moved(self, phase: str, documents: int, bytes: int, share: float) -> None:
        """A task got on."""
        self._meters[phase].moved(documents, bytes, share)

    def ended(self, phase: str) -> None:
        """A task ended."""
        self._meters[phase].ended()


class LogProgress(_Metered):
    """Plain lines on standard error."""

    def __init__(self) -> None:
        super().__init__()
        self._last = time.monotonic()

    def __enter__(self) -> "LogProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def phase_ended(self, summary: "PhaseSummary") -> None:
        """A phase ended."""
        self._tell(self._meters.pop(summary.name).summary(summary))

    def alive(self) -> None:
        """The run goes on: now and then a line for each phase at work."""
        if time.monotonic() - self._last >= _LOG_EVERY_S:
            self._last = time.monotonic()
            for meter in self._meters.values():
                if meter.done < meter.tasks:
                    self._tell(meter.line())

    def notice(self, text: str) -> None:
        """Something that a person should know happened."""
        self._tell(text)

    def _tell(self, line: str) -> None:
        print(visible(line), file=sys.stderr, flush=True)


class LiveProgress(_Metered):
    """A bar for each phase at work; a line stays for each that ended."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        super().__init__()
        self._bars: dict[str, TaskID] = {}
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

    def __enter__(self) -> "LiveProgress":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def phase(self, name: str, tasks: int) -> None:
        """A phase begins."""
        self._end(name)
        super().phase(name, tasks)
        self._bars[name] = self._progress.add_task(name, total=max(1, tasks), rates="")

    def ended(self, phase: str) -> None:
        """A task ended."""
        super().ended(phase)
        if self._meters[phase].done == self._meters[phase].tasks:
            self._progress.update(self._bars[phase], visible=False)

    def alive(self) -> None:
        """The run goes on: the bars show how far it is."""
        for phase in self._meters:
            self._show(phase)

    def phase_ended(self, summary: "PhaseSummary") -> None:
        """A phase ended."""
        self._console.print(f"[green]✓[/] {self._meters[summary.name].summary(summary)}", highlight=False)
        self._end(summary.name)

    def notice(self, text: str) -> None:
        """Something that a person should know happened."""
        self._console.print(visible(text), style="yellow", markup=False, highlight=False)

    def _show(self, phase: str) -> None:
        meter = self._meters[phase]
        self._progress.update(self._bars[phase], completed=meter.done + meter.share, rates=meter.rates())

    def _end(self, phase: str) -> None:
        if phase in self._bars:
            self._progress.remove_task(self._bars.pop(phase))
            del self._meters[phase]


def make_progress() -> LiveProgress | LogProgress:
    """The view that fits standard error."""
    return LiveProgress() if sys.stderr.isatty() else LogProgress()
