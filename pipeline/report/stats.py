"""`dspipe stats`: every table of a run, from its manifests, in the terminal or as JSON; pipeline.report.page makes a
page."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.quantities import human_bytes, human_seconds
from dspipe.pipeline.report.tables import Cell, Line, Table, print_table
from dspipe.pipeline.storage.store import Store

if TYPE_CHECKING:
    from rich.console import Console

RUN_FILE = "run.json"
ALARMS = "alarms"
"""the note of a stage that should be seen first"""


class NoRun(Exception):
    """There is no run at the place given."""


def read_run(root: str) -> tuple[Store, dict[str, Any]]:
    """A run's store and what `run.json` says. Raises NoRun."""
    store = Store(root)
    if not store.exists(RUN_FILE):
        raise NoRun(f"{root} holds no run (there is no {RUN_FILE}); give the `output` directory of a config")
    return store, store.read_json(RUN_FILE)


def as_json(run: dict[str, Any]) -> str:
    """What `run.json` says, without the lists of files."""
    phases = [{k: v for k, v in phase.items() if k not in ("manifests", "inputs")} for phase in run["phases"]]
    return json.dumps({**{k: v for k, v in run.items() if k != "artifacts"}, "phases": phases}, ensure_ascii=False)


def print_stats(run: dict[str, Any], console: "Console") -> None:
    """All tables."""
    console.print(f"[bold]{run['name']}[/]  {state(run)}", highlight=False)
    for section in sections(run):
        for item in section.items:
            console.print()
            if isinstance(item, Table):
                print_table(item, console)
            else:
                console.print(item, highlight=False, markup=False)


def print_funnel(run: dict[str, Any], console: "Console") -> None:
    """The funnel, the reasons and what is kept by domain: what `dspipe run` ends with."""
    for table in (funnel_table(run), reason_table(run), domain_table(run)):
        if table is not None:
            console.print()
            print_table(table, console)


def state(run: dict[str, Any]) -> str:
    """How far the run is, in words."""
    done = "finished" if run["finished"] else f"not finished; to come: {', '.join(run['to_come'])}"
    return f"{run['shards']:,} shards, {done}"


@dataclass
class Section:
    """What belongs together: tables, and notes of one line."""

    title: str
    items: list[Table | str]


def sections(run: dict[str, Any]) -> list[Section]:
    """Everything that is known of the run, in the order in which it is read: alarms, the funnel, what the stages found
    (a section each), the phases."""
    alarms, stages = Section("Alarms", []), dict[str, Section]()
    for phase in run["phases"]:
        for key, value in phase["notes"].items():
            title, item = f"{phase['name']}: {key}", _note(f"{phase['name']}: {key}", value)
            if key == ALARMS and value:
                alarms.items.append(item)
            else:
                stage = title.partition(".")[0].partition(":")[0]
                stages.setdefault(stage, Section(stage, [])).items.append(item)
    tables = (funnel_table(run), reason_table(run), domain_table(run), skipped_table(run))
    documents = Section("Documents", [table for table in tables if table is not None])
    parts = [alarms, documents, *stages.values(), Section("Work", [phase_table(run)])]
    return [section for section in parts if section.items]


def funnel_table(run: dict[str, Any]) -> Table | None:
    """What came out of each stage. A line fits a terminal of 80 columns."""
    if not run["phases"]:
        return None
    table = Table("Funnel", ("stage", "documents", "share", "dropped", "bytes", "tokens"), frozenset(range(1, 6)))
    counters = run["phases"][0]["counters"]
    first, bad = counters.get("read", 0), counters.get("quarantined", 0)
    funnel = _funnel(run)
    size = human_bytes(funnel[0].into[1]) if funnel else ""
    table.rows.append(("read", f"{first - bad:,}", _share(first - bad, first), f"{bad:,}", size, ""))
    for entry in funnel:
        documents, size, tokens = f"{entry.out[0]:,}", human_bytes(entry.out[1]), f"{entry.out[2]:,}"
        dropped = f"{entry.dropped_documents():,}"
        share = _share(entry.out[0], first)
        table.rows.append((entry.stage, documents, share, dropped, size, tokens if entry.into[2] else ""))
    return table


def reason_table(run: dict[str, Any]) -> Table | None:
    """Why documents were dropped: in the order of the stages, the commonest reason of each first."""
    table = Table(
        "Dropped, of what came into the stage", ("reason", "documents", "share", "bytes"), frozenset(range(1, 4))
    )
    counters = run["phases"][0]["counters"] if run["phases"] else {}
    if bad := counters.get("quarantined", 0):
        table.rows.append(("quarantined", f"{bad:,}", _share(bad, counters.get("read", 0)), ""))
    for entry in _funnel(run):
        reasons = sorted(entry.dropped.items(), key=lambda item: (-item[1][0], item[0]))
        for name, (documents, size, _) in reasons:
            table.rows.append((name, f"{documents:,}", _share(documents, entry.into[0]), human_bytes(size)))
    return table if table.rows else None


def domain_table(run: dict[str, Any]) -> Table | None:
    """What the last stage kept, by domain."""
    entries = _funnel(run)
    if not entries or not entries[-1].domains:
        return None
    last = entries[-1]
    table = Table("Kept, by domain", ("domain", "documents", "bytes", "share", "tokens"), frozenset(range(1, 5)))
    for name, (documents, size, tokens) in sorted(last.domains.items(), key=lambda item: -item[1][1]):
        count = f"{tokens:,}" if tokens else ""
        table.rows.append((name, f"{documents:,}", human_bytes(size), _share(size, last.out[1]), count))
    return table


def skipped_table(run: dict[str, Any]) -> Table | None:
    """Records of the sources that are no documents (requests, images, empty files), and files that aren't read."""
    counters = run["phases"][0]["counters"] if run["phases"] else {}
    skipped = {key.removeprefix("skipped."): n for key, n in counters.items() if key.startswith("skipped.")}
    for source, kinds in run.get("left_out", {}).items():
        skipped |= {f"{source}: files, {kind}": n for kind, n in kinds.items()}
    rows: list[Any] = [(name, f"{n:,}") for name, n in sorted(skipped.items(), key=lambda item: -item[1])]
    return Table("Left out: no documents", ("what", "number"), frozenset({1}), rows) if rows else None


def phase_table(run: dict[str, Any]) -> Table:
    """Tasks, time and bytes of each phase."""
    names = ("phase", "tasks", "done before", "worker time", "written", "counters")
    table = Table("Phases", names, frozenset(range(1, 5)))
    seconds, written = (sum(phase[key] for phase in run["phases"]) or 1 for key in ("seconds", "bytes_written"))
    for phase in run["phases"]:
        counters = {key: n for key, n in phase["counters"].items() if not key.startswith("skipped.")}
        table.rows.append(
            (
                phase["name"],
                f"{phase['tasks']:,}",
                f"{phase['reused']:,}",
                Line(human_seconds(phase["seconds"]), phase["seconds"] / seconds),
                Line(human_bytes(phase["bytes_written"]), phase["bytes_written"] / written),
                ", ".join(f"{key} {n:,}" for key, n in counters.items()),
            )
        )
    return table


def _funnel(run: dict[str, Any]) -> list[Funnel]:
    return [Funnel.from_json(value) for phase in run["phases"] for value in phase["funnel"]]


def _note(title: str, value: Any) -> Table | str:
    if isinstance(value, dict):
        value = [{"": key, "value": item} for key, item in value.items()]
    if not (isinstance(value, list) and value and all(isinstance(item, dict) for item in value)):
        return f"{title}: {_text(value)}"
    names = list(dict.fromkeys(name for item in value for name in item if item[name] is not None))
    columns = [[item.get(name) for item in value] for name in names]
    numbers = frozenset(
        place for place, column in enumerate(columns) if all(isinstance(item, int | float) for item in column)
    )
    cells = [_cells(name, column, names[0] == "at least") for name, column in zip(names, columns, strict=True)]
    return Table(title, [name.replace("_", " ") for name in names], numbers, list(zip(*cells, strict=True)))


def _cells(name: str, values: list[Any], histogram: bool) -> list[Cell]:
    """The cells of a note's column; shares get bars, and so do the counts of a histogram."""
    whole = 1.0 if name == "share" else max(values) if histogram and name != "at least" else 0.0
    return [Line(_text(value), value / whole) if whole else _text(value) for value in values]


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _share(part: int, whole: int) -> Line:
    return Line(f"{part / whole:.1%}", part / whole) if whole else Line("")
