"""`dspipe stats`: every table of a run, from its manifests, in the terminal or as JSON (`dspipe.page`
makes a page of them, and of the columns)."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.quantities import human_bytes, human_seconds
from dspipe.pipeline.report.tables import Cell, Line, Table, print_table
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.run.summary import ALARMS, QUARANTINED, TRAINING_DATA
from dspipe.pipeline.tasks.quarantine import READ
from dspipe.pipeline.visible_text import visible_json, visible_line

if TYPE_CHECKING:
    from rich.console import Console


By = Literal["source", "domain"]
_BAD_SHOWN, _PARTS_SHOWN = 20, 50


def as_json(run: RunFile) -> str:
    """What `run.json` says, without the lists of files, and the funnel by source and by domain."""
    value = run.as_json()
    for phase in value["phases"]:
        del phase["inputs"], phase["names"]
    by_source, by_domain = run.funnel_by_source(), run.funnel_by_domain()
    value["funnel_by_source"] = {name: [entry.as_json() for entry in part] for name, part in by_source.items()}
    value["funnel_by_domain"] = {name: [entry.as_json() for entry in part] for name, part in by_domain.items()}
    return visible_json(json.dumps(value, ensure_ascii=False))


def print_stats(run: RunFile, console: "Console", by: By | None = None) -> None:
    """All tables, or the funnel of each source or domain."""
    from rich.markup import escape

    console.print(f"[bold]{escape(visible_line(run.name))}[/]  {escape(visible_line(state(run)))}", highlight=False)
    if by is not None:
        console.print()
        print_table(funnel_table_by(run, by), console)
        return
    for section in sections(run):
        for item in section.items:
            console.print()
            if isinstance(item, Table):
                print_table(item, console)
            else:
                console.print(visible_line(item), highlight=False, markup=False)


def print_funnel(run: RunFile, console: "Console") -> None:
    """The funnel, what became of the kept, the reasons, what is kept by domain, what was bad, and rules that drop most
    of a domain: what `dspipe run` ends with."""
    kept = (funnel_table(run), training_data_table(run), reason_table(run), domain_table(run))
    for table in (*kept, bad_table(run), alarm_table(run)):
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
            if key in (QUARANTINED, TRAINING_DATA):
                continue
            title, item = f"{phase.name}: {key}", _note(f"{phase.name}: {key}", value)
            if key == ALARMS and value:
                alarms.items.append(item)
            else:
                stage = title.partition(".")[0].partition(":")[0]
                stages.setdefault(stage, Section(stage, [])).items.append(item)
    kept = (funnel_table(run), training_data_table(run), reason_table(run), domain_table(run))
    tables = (*kept, bad_table(run), skipped_table(run))
    documents = Section("Documents", [table for table in tables if table is not None])
    parts = [alarms, documents, *stages.values(), Section("Work", [phase_table(run)])]
    return [section for section in parts if section.items]


def funnel_table(run: RunFile) -> Table | None:
    """What came out of each stage, documents counted once. A line fits a terminal of 80 columns."""
    if not run.phases:
        return None
    title = "Funnel: each document counted once, tokens without special ones"
    table = Table(title, ("stage", "documents", "share", "dropped", "bytes", "tokens"), frozenset(range(1, 6)))
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


def training_data_table(run: RunFile) -> Table | None:
    """How the documents that are kept became what was written for a trainer: copies, special tokens, rows."""
    for phase in run.phases:
        if TRAINING_DATA in phase.notes:
            table = _note("Training data", phase.notes[TRAINING_DATA])
            return table if isinstance(table, Table) else None
    return None


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
    columns = ("domain", "documents", "bytes", "share", *(["tokens"] if last.kept.tokens else []))
    table = Table("Kept, by domain", columns, frozenset(range(1, len(columns))))
    for name, (documents, size, tokens) in sorted(last.domains.items(), key=lambda item: -item[1][1]):
        row = (name, f"{documents:,}", human_bytes(size), _share(size, last.kept.bytes), f"{tokens:,}")
        table.rows.append(row[: len(columns)])
    return table


def funnel_table_by(run: RunFile, by: By) -> Table:
    """The funnel of each source or domain, the largest first."""
    names = (by, "stage", "documents", "share", "dropped", "most by")
    table = Table(f"Funnel, by {by}", names, frozenset({2, 3, 4}))
    parts = run.funnel_by_source() if by == "source" else run.funnel_by_domain()
    read = {name: part.counters for name, part in run.read_by_source().items()} if by == "source" else {}
    ordered = sorted(parts, key=lambda name: -_entered(parts[name]))
    for name in ordered[:_PARTS_SHOWN]:
        first = read.get(name, {}).get("read", _entered(parts[name]))
        if bad := read.get(name, {}).get("quarantined", 0):
            table.rows.append((name, "read", f"{first - bad:,}", _share(first - bad, first), f"{bad:,}", "quarantined"))
        for entry in parts[name]:
            kept, dropped = entry.kept.documents, entry.all_dropped().documents
            row = (name, entry.stage, f"{kept:,}", _share(kept, first), f"{dropped:,}", _most_by(entry))
            table.rows.append(row)
    if rest := ordered[_PARTS_SHOWN:]:
        kept = sum(parts[name][-1].kept.documents for name in rest)
        table.rows.append((f"and {len(rest):,} more", "", f"{kept:,}", "", "", ""))
    return table


def _entered(part: list[Funnel]) -> int:
    return part[0].entered.documents if part else 0


def _most_by(entry: Funnel) -> str:
    """The commonest reason, and its share of what came into the stage."""
    if not entry.dropped:
        return ""
    reason, counts = min(entry.dropped.items(), key=lambda item: (-item[1].documents, item[0]))
    return f"{reason} {counts.documents / entry.entered.documents:.1%}"


def bad_table(run: RunFile) -> Table | None:
    """The bad records by source, file and kind of error, and where they are kept."""
    names = ("source", "file", "records", "error", "kept in")
    table = Table("Bad records, in the quarantine", names, frozenset({2}))
    groups = [group for phase in run.phases for group in phase.notes.get(QUARANTINED, [])]
    groups.sort(key=lambda group: -group["records"])
    for group in groups[:_BAD_SHOWN]:
        error = group.get("error", "")
        if error and group["stage"] != READ:
            error = f"stage {group['stage']}: {error}"
        file = group["file"] or group["place"]
        table.rows.append(
            (group.get("source", ""), file, f"{group['records']:,}", error, group.get("quarantine") or "")
        )
    if rest := groups[_BAD_SHOWN:]:
        table.rows.append(("", f"and {len(rest):,} more", f"{sum(group['records'] for group in rest):,}", "", ""))
    return table if table.rows else None


def alarm_table(run: RunFile) -> Table | None:
    """The rules that drop most of a domain."""
    table = Table("Rules that drop most of a domain", ("domain", "rule", "documents", "share"), frozenset({2, 3}))
    for phase in run.phases:
        for drop in phase.notes.get(ALARMS, []):
            if "rule" in drop:
                number = f"{drop['documents']:,} of {drop['of']:,}"
                table.rows.append((drop["domain"], drop["rule"], number, _share(drop["documents"], drop["of"])))
    return table if table.rows else None


def skipped_table(run: RunFile) -> Table | None:
    """Records of the sources that are no documents (requests, images, empty files), and files that aren't read."""
    skipped = run.skipped()
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
        place for place, column in enumerate(columns) if all(isinstance(item, int | float | None) for item in column)
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
