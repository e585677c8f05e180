"""`dspipe stats`: every table of a run, from its manifests, in the terminal, as JSON or as one HTML page."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.funnel import Funnel
from pipeline.store import Store
from pipeline.units import human_bytes, human_seconds

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

RUN_FILE = "run.json"


class NoRun(Exception):
    """There is no run at the place given."""


def read_run(root: str) -> tuple[Store, dict[str, Any]]:
    """A run's store and what `run.json` says. Raises NoRun."""
    store = Store(root)
    if not store.exists(RUN_FILE):
        raise NoRun(f"{root} holds no run (there is no {RUN_FILE}); give the `output` directory of a config")
    return store, store.read_json(RUN_FILE)


def print_stats(run: dict[str, Any], console: "Console") -> None:
    """All tables."""
    state = "finished" if run["finished"] else f"not finished; to come: {', '.join(run['to_come'])}"
    console.print(f"[bold]{run['name']}[/]  {run['shards']:,} shards, {state}", highlight=False)
    for table in _tables(run):
        console.print()
        console.print(table)


def print_funnel(run: dict[str, Any], console: "Console") -> None:
    """The funnel and what is kept by domain: what `dspipe run` ends with."""
    for table in (_funnel_table(run), _domain_table(run)):
        if table is not None:
            console.print()
            console.print(table)


def html_page(run: dict[str, Any]) -> str:
    """All tables as one HTML page."""
    import io

    from rich.console import Console

    console = Console(record=True, width=140, file=io.StringIO())
    print_stats(run, console)
    return console.export_html(inline_styles=True)


def as_json(run: dict[str, Any]) -> str:
    """What `run.json` says, without the lists of files."""
    phases = [{k: v for k, v in phase.items() if k not in ("manifests", "inputs")} for phase in run["phases"]]
    return json.dumps({**{k: v for k, v in run.items() if k != "artifacts"}, "phases": phases}, ensure_ascii=False)


def new_table(title: str) -> "Table":
    """An empty table in the one style that all have."""
    from rich import box
    from rich.table import Table

    return Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=box.SIMPLE, pad_edge=False
    )


def _tables(run: dict[str, Any]) -> Iterator["RenderableType"]:
    for table in (_funnel_table(run), _domain_table(run), _skipped_table(run)):
        if table is not None:
            yield table
    for phase in run["phases"]:
        for key, value in phase["notes"].items():
            yield _note(f"{phase['name']}: {key}", value)
    yield _phase_table(run)


def _funnel_table(run: dict[str, Any]) -> Any:
    table = new_table("Funnel")
    table.add_column("stage")
    for name in ("documents in", "out", "of all", "bytes in", "out", "tokens in", "out"):
        table.add_column(name, justify="right")
    table.add_column("dropped")
    first: int | None = None
    for phase in run["phases"]:
        counters = phase["counters"]
        if first is None:
            first = counters.get("read", 0)
            bad = counters.get("quarantined", 0)
            why = f"quarantined {bad:,}" if bad else ""
            table.add_row("read", f"{first:,}", f"{first - bad:,}", _share(first - bad, first), "", "", "", "", why)
        for value in phase["funnel"]:
            entry = Funnel.from_json(value)
            reasons = sorted(entry.dropped.items(), key=lambda item: (-item[1][0], item[0]))
            why = "\n".join(f"{name} {sums[0]:,} ({human_bytes(sums[1])})" for name, sums in reasons)
            tokens = [f"{entry.into[2]:,}", f"{entry.out[2]:,}"] if entry.into[2] else ["", ""]
            table.add_row(
                entry.stage,
                f"{entry.into[0]:,}",
                f"{entry.out[0]:,}",
                _share(entry.out[0], first),
                human_bytes(entry.into[1]),
                human_bytes(entry.out[1]),
                *tokens,
                why,
            )
    return table if first is not None else None


def _domain_table(run: dict[str, Any]) -> Any:
    entries = [Funnel.from_json(value) for phase in run["phases"] for value in phase["funnel"]]
    if not entries or not entries[-1].domains:
        return None
    last = entries[-1]
    table = new_table("Kept, by domain")
    table.add_column("domain")
    for name in ("documents", "bytes", "share", "tokens"):
        table.add_column(name, justify="right")
    for name, (documents, size, tokens) in sorted(last.domains.items(), key=lambda item: -item[1][1]):
        table.add_row(
            name, f"{documents:,}", human_bytes(size), _share(size, last.out[1]), f"{tokens:,}" if tokens else ""
        )
    return table


def _skipped_table(run: dict[str, Any]) -> Any:
    counters = run["phases"][0]["counters"] if run["phases"] else {}
    skipped = {key.removeprefix("skipped."): n for key, n in counters.items() if key.startswith("skipped.")}
    if not skipped:
        return None
    table = new_table("Records that are no documents")
    table.add_column("what")
    table.add_column("records", justify="right")
    for name, n in sorted(skipped.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{n:,}")
    return table


def _phase_table(run: dict[str, Any]) -> Any:
    table = new_table("Phases")
    table.add_column("phase")
    for name in ("tasks", "done before", "worker time", "written"):
        table.add_column(name, justify="right")
    table.add_column("counters")
    for phase in run["phases"]:
        counters = {key: n for key, n in phase["counters"].items() if not key.startswith("skipped.")}
        table.add_row(
            phase["name"],
            f"{phase['tasks']:,}",
            f"{phase['reused']:,}",
            human_seconds(phase["seconds"]),
            human_bytes(phase["bytes_written"]),
            ", ".join(f"{key} {n:,}" for key, n in counters.items()),
        )
    return table


def _note(title: str, value: Any) -> "RenderableType":
    if isinstance(value, dict):
        value = [{"": key, "value": item} for key, item in value.items()]
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        table = new_table(title)
        names = list(dict.fromkeys(name for item in value for name in item))
        for name in names:
            numbers = all(isinstance(item.get(name), int | float) for item in value)
            table.add_column(name, justify="right" if numbers else "left")
        for item in value:
            table.add_row(*[_cell(item.get(name)) for name in names])
        return table
    return f"{title}: {_cell(value)}"


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _share(part: int, whole: int | None) -> str:
    return f"{part / whole:.1%}" if whole else ""
