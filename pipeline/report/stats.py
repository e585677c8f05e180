"""`dspipe stats`: every table of a run, from its manifests, in the terminal or as JSON; pipeline.report.page makes a
page."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dspipe.pipeline.quantities import human_bytes, human_seconds
from dspipe.pipeline.report.tables import Cell, Line, Table, print_table
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.run.summary import ALARMS
from dspipe.pipeline.visible_text import visible_json, visible_line

if TYPE_CHECKING:
    from rich.console import Console


def as_json(run: RunFile) -> str:
    """What `run.json` says, without the lists of files."""
    value = run.as_json()
    del value["artifacts"]
    for phase in value["phases"]:
        del phase["manifests"], phase["inputs"]
    return visible_json(json.dumps(value, ensure_ascii=False))


def print_stats(run: RunFile, console: "Console") -> None:
    """All tables."""
    from rich.markup import escape

    console.print(f"[bold]{escape(visible_line(run.name))}[/]  {escape(visible_line(state(run)))}", highlight=False)
    for section in sections(run):
        for item in section.items:
            console.print()
            if isinstance(item, Table):
                print_table(item, console)
            else:
                console.print(visible_line(item), highlight=False, markup=False)


def print_funnel(run: RunFile, console: "Console") -> None:
    """The funnel, the reasons and what is kept by domain: what `dspipe run` ends with."""
    for table in (funnel_table(run), reason_table(run), domain_table(run)):
        if table is not None:
            console.print()
            print_table(table, console)


def state(run: RunFile) -> str:
    """How far the run is, in words."""
    done = "finished" if run.finished else f"not finished; to come: {', '.join(run.to_come)}"
    return f"{run.shards:,} shards, {done}"


@dataclass
class Section:
    """What belongs together: tables, and notes of one line."""

    title: str
    items: list[Table | str]


def sections(run: RunFile) -> list[Section]:
    """Everything that is known of the run, in the order in which it is read: alarms, the funnel, what the stages found
    (a section each), the phases."""
    alarms, stages = Section("Alarms", []), dict[str, Section]()
    for phase in run.phases:
        for key, value in phase.notes.items():
            title, item = f"{phase.name}: {key}", _note(f"{phase.name}: {key}", value)
            if key == ALARMS and value:
                alarms.items.append(item)
            else:
                stage = title.partition(".")[0].partition(":")[0]
                stages.setdefault(stage, Section(stage, [])).items.append(item)
    tables = (funnel_table(run), reason_table(run), domain_table(run), skipped_table(run))
    documents = Section("Documents", [table for table in tables if table is not None])
    parts = [alarms, documents, *stages.values(), Section("Work", [phase_table(run)])]
    return [section for section in parts if section.items]


def funnel_table(run: RunFile) -> Table | None:
    """What came out of each stage. A line fits a terminal of 80 columns."""
    if not run.phases:
        return None
    table = Table("Funnel", ("stage", "documents", "share", "dropped", "bytes", "tokens"), frozenset(range(1, 6)))
    first, bad = run.read_counts()
    funnel = run.funnel()
    size = human_bytes(funnel[0].entered.bytes) if funnel else ""
    table.rows.append(("read", f"{first - bad:,}", _share(first - bad, first), f"{bad:,}", size, ""))
    for entry in funnel:
        documents, size, tokens = f"{entry.kept.documents:,}", human_bytes(entry.kept.bytes), f"{entry.kept.tokens:,}"
        dropped = f"{entry.all_dropped().documents:,}"
        share = _share(entry.kept.documents, first)
        table.rows.append((entry.stage, documents, share, dropped, size, tokens if entry.entered.tokens else ""))
    return table


def reason_table(run: RunFile) -> Table | None:
    """Why documents were dropped: in the order of the stages, the commonest reason of each first."""
    table = Table(
        "Dropped, of what came into the stage", ("reason", "documents", "share", "bytes"), frozenset(range(1, 4))
    )
    read, bad = run.read_counts()
    if bad:
        table.rows.append(("quarantined", f"{bad:,}", _share(bad, read), ""))
    for entry in run.funnel():
        reasons = sorted(entry.dropped.items(), key=lambda item: (-item[1][0], item[0]))
        for name, (documents, size, _) in reasons:
            table.rows.append((name, f"{documents:,}", _share(documents, entry.entered.documents), human_bytes(size)))
    return table if table.rows else None


def domain_table(run: RunFile) -> Table | None:
    """What the last stage kept, by domain."""
    entries = run.funnel()
    if not entries or not entries[-1].domains:
        return None
    last = entries[-1]
    table = Table("Kept, by domain", ("domain", "documents", "bytes", "share", "tokens"), frozenset(range(1, 5)))
    for name, (documents, size, tokens) in sorted(last.domains.items(), key=lambda item: -item[1][1]):
        count = f"{tokens:,}" if tokens else ""
        table.rows.append((name, f"{documents:,}", human_bytes(size), _share(size, last.kept.bytes), count))
    return table


def skipped_table(run: RunFile) -> Table | None:
    """Records of the sources that are no documents (requests, images, empty files), and files that aren't read."""
    first = run.text_pass()
    counters = first.counters if first else {}
    skipped = {key.removeprefix("skipped."): n for key, n in counters.items() if key.startswith("skipped.")}
    for source, kinds in run.left_out.items():
        skipped |= {f"{source}: files, {kind}": n for kind, n in kinds.items()}
    rows: list[Any] = [(name, f"{n:,}") for name, n in sorted(skipped.items(), key=lambda item: -item[1])]
    return Table("Left out: no documents", ("what", "number"), frozenset({1}), rows) if rows else None


def phase_table(run: RunFile) -> Table:
    """Tasks, time and bytes of each phase."""
    names = ("phase", "tasks", "done before", "worker time", "written", "counters")
    table = Table("Phases", names, frozenset(range(1, 5)))
    seconds = sum(phase.seconds for phase in run.phases) or 1
    written = sum(phase.bytes_written for phase in run.phases) or 1
    for phase in run.phases:
        counters = {key: n for key, n in phase.counters.items() if not key.startswith("skipped.")}
        table.rows.append(
            (
                phase.name,
                f"{phase.tasks:,}",
                f"{phase.reused:,}",
                Line(human_seconds(phase.seconds), phase.seconds / seconds),
                Line(human_bytes(phase.bytes_written), phase.bytes_written / written),
                ", ".join(f"{key} {n:,}" for key, n in counters.items()),
            )
        )
    return table


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
