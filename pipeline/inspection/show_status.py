"""`dspipe status` in the terminal: a heading, a line a phase, what is to come, notices."""

import time
from typing import TYPE_CHECKING

from dspipe.pipeline.inspection.status import Status
from dspipe.pipeline.quantities import human_bytes, human_seconds
from dspipe.pipeline.run.run_progress import PhaseProgress
from dspipe.pipeline.visible_text import visible_line

if TYPE_CHECKING:
    from rich.console import Group

_STYLES = {"running": "green", "finished": "green", "quiet": "yellow", "interrupted": "yellow"}
_SIGNS = {"done": "[green]✓[/]", "running": "[bold]▶[/]", "to come": " "}


def status_lines(status: Status, lines: int | None = None) -> "Group":
    """What to print. `lines`: of the terminal, where it has to fit; phases that are done are left out then."""
    from rich.console import Group
    from rich.text import Text

    style = _STYLES.get(status.state, "red")
    parts: list[Text] = [Text.assemble((visible_line(status.run), "bold"), "  ", (_state(status), f"bold {style}"))]
    if status.driver is not None:
        parts.append(Text(_driver(status), "dim"))
    parts += [Text(visible_line(line)) for line in (status.message, *status.problems) if line]
    phases = [phase for phase in status.phases if phase.state != "to come"]
    to_come = [phase.name for phase in status.phases if phase.state == "to come"]
    left_out = 0
    if lines is not None:
        room = max(3, lines - 12 - len(to_come) // 4)
        left_out = max(0, len(phases) - room)
        phases = phases[left_out:]
    below = []
    if to_come:
        below.append(Text(f"to come: {visible_line(', '.join(to_come))}", "dim"))
    below.append(Text(_troubles(status)))
    for notice in status.notices[-3:]:
        at = time.strftime("%H:%M:%S", time.localtime(notice.at))
        below.append(Text(f"{at} {visible_line(notice.text)}", "yellow"))
    if left_out:
        parts.append(Text(f"{left_out:,} phases done before these", "dim"))
    return Group(*parts, _table(phases), *below)


def status_line(status: Status) -> str:
    """How it is in one line, for a log."""
    at_work = [phase for phase in status.phases if phase.state == "running"]
    parts = [f"{status.run}: {_state(status)}"]
    for phase in at_work:
        rates = ", ".join(part for part in (_rate(phase), _left(phase)) if part)
        parts.append(f"{phase.name} {_tasks(phase)} tasks{f' ({rates})' if rates else ''}")
    return visible_line("; ".join([*parts, *([status.message] if status.message else []), _troubles(status)]))


def _table(phases: list[PhaseProgress]) -> "Group":
    from rich import box
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table

    table = Table(header_style="dim", box=box.SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("phase", overflow="fold")
    for name in ("tasks", "done", "documents", "rate", "time", "left"):
        table.add_column(name, justify="right", no_wrap=True)
    for phase in phases:
        time_ = human_seconds(phase.seconds) if phase.seconds else ""
        table.add_row(
            _SIGNS[phase.state],
            escape(visible_line(phase.name)),
            _tasks(phase),
            f"{phase.share:.0%}" if phase.tasks else "",
            f"{documents:,}" if (documents := phase.entered or phase.documents) else "",
            _rate(phase),
            time_,
            _left(phase).removesuffix(" left"),
        )
    return Group(table)


def _state(status: Status) -> str:
    done = sum(phase.state == "done" for phase in status.phases)
    parts: list[str] = [status.state]
    if status.seconds is not None:
        parts.append(human_seconds(status.seconds))
    parts.append(f"{done} of {len(status.phases)} phases done")
    return ", ".join(parts)


def _driver(status: Status) -> str:
    driver = status.driver
    assert driver is not None
    parts = [f"driver: {visible_line(driver.who)}, since {visible_line(driver.since)}"]
    if driver.heard_seconds_ago is not None:
        what = "ended" if status.state in ("finished", "failed", "interrupted") else "heard of"
        parts.append(f"{what} {human_seconds(driver.heard_seconds_ago)} ago")
    if status.at_work and status.workers:
        parts.append(f"{status.workers:,} {'worker' if status.workers == 1 else 'workers'} at work")
    if status.at_work and status.memory:
        parts.append(f"driver's memory {human_bytes(status.memory)}")
    return "; ".join(parts)


def _tasks(phase: PhaseProgress) -> str:
    return f"{phase.done:,}/{phase.tasks:,}" if phase.tasks is not None else f"{phase.done:,}"


def _rate(phase: PhaseProgress) -> str:
    if phase.bytes_per_second:
        return f"{phase.bytes_per_second / 1e6:,.1f} MB/s"
    return f"{phase.documents_per_second:,.0f}/s" if phase.documents_per_second else ""


def _left(phase: PhaseProgress) -> str:
    return f"{human_seconds(phase.seconds_left)} left" if phase.seconds_left is not None else ""


def _troubles(status: Status) -> str:
    kinds: dict[str, int] = {}
    for phase in status.phases:
        for kind, n in phase.failures.items():
            kinds[kind] = kinds.get(kind, 0) + n
    named = f" ({', '.join(f'{kind} {n:,}' for kind, n in sorted(kinds.items()))})" if kinds else ""
    return f"failures {status.failures:,}{named}, retries {status.retries:,}, quarantined {status.quarantined:,}"
