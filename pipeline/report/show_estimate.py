"""`dspipe plan`: what a run will take, with the rates that say so."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dspipe.pipeline.estimate.estimate import Estimate
from dspipe.pipeline.quantities import human_bytes, human_seconds
from dspipe.pipeline.report.tables import Table, print_table
from dspipe.pipeline.visible_text import visible_line

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 8


def print_estimate(found: Estimate, prices: Mapping[str, float], console: "Console") -> None:
    """Print totals, the phases that take most, and what the figures rest on."""
    gets, puts = (sum(getattr(phase, kind) for phase in found.phases) for kind in ("gets", "puts"))
    totals = Table("Estimate, if nothing is done yet", ("what", "about"), frozenset({1}))
    totals.rows += [
        ("input", human_bytes(round(found.stored_bytes))),
        ("documents", _rounded(found.documents)),
        ("text", human_bytes(round(found.text_bytes))),
        ("core-hours", _rounded(found.cpu_seconds / 3600)),
        (f"wall time, {found.workers:,} workers", human_seconds(found.wall_seconds)),
        ("written, and disk at its peak", human_bytes(round(found.bytes_written))),
        ("requests that read, on an object store", _rounded(gets)),
        ("requests that write", _rounded(puts)),
    ]
    costs = found.dollars(prices)
    totals.rows += [(f"dollars, {name} at {prices[name]:g}", _rounded(cost)) for name, cost in costs.items()]
    if len(costs) > 1:
        totals.rows.append(("dollars in all", _rounded(sum(costs.values()))))
    console.print()
    print_table(totals, console)
    largest = sorted(found.phases, key=lambda phase: -phase.cpu_seconds)[:_SHOWN]
    phases = Table("Where they go", ("phase", "tasks", "core-hours", "written", "reads"), frozenset(range(1, 5)))
    for phase in largest:
        hours, written = _rounded(phase.cpu_seconds / 3600), human_bytes(round(phase.bytes_written))
        phases.rows.append((phase.name, f"{phase.tasks:,}", hours, written, _rounded(phase.gets)))
    console.print()
    print_table(phases, console)
    console.print(visible_line(f"Rates: {found.rates.measured}"), highlight=False, markup=False, soft_wrap=True)
    unknown = [*found.no_rate, *(phase.name for phase in found.phases if not phase.known)]
    if unknown:
        line = f"No rate is known for {', '.join(unknown)}: they are counted as next to nothing."
        console.print(visible_line(line), highlight=False, markup=False, soft_wrap=True)


def _rounded(number: float) -> str:
    """Three digits."""
    return f"{float(f'{number:.3g}'):,.0f}" if number >= 100 else f"{number:.3g}"
