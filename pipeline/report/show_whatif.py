"""`dspipe whatif` in the terminal: what an edit would change in a run, a table for each question, samples last."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dspipe.pipeline.funnel import Counts
from dspipe.pipeline.inspection.what_if_answer import Answer, Held, Sample
from dspipe.pipeline.quantities import count_of, human_bytes, human_number
from dspipe.pipeline.report.tables import Table, print_table
from dspipe.pipeline.visible_text import visible_line

if TYPE_CHECKING:
    from rich.console import Console

_ROWS = 20
"""of a table; the rest is in `--json`"""
_NUMBERS = frozenset(range(1, 20))


def print_answer(answer: Answer, console: "Console") -> None:
    """The tables, remarks and samples of an answer."""
    for change in answer.changes:
        _say(console, f"{change.key}: {_value(change.before)} -> {_value(change.after)}")
    if not answer.changes:
        _say(console, "The config says this already: nothing changes.")
        return
    tables = [_totals(answer)]
    if answer.changed.documents:
        tables += [_flows(answer), _groups(answer)]
    tables.append(_stages(answer))
    tables += [_found(stage.name, name, rows) for stage in answer.stages for name, rows in stage.tables.items() if rows]
    for table in tables:
        console.print()
        print_table(table, console)
    if not answer.changed.documents:
        _say(console, "No document changes its verdict.")
    for remark in answer.remarks:
        console.print(f"[yellow]note:[/] {_escaped(remark)}", highlight=False, soft_wrap=True)
    if answer.tokens_estimated:
        what = f"tokens of {count_of(answer.tokens_estimated, 'newly kept document')} are an estimate by their bytes"
        console.print(f"[yellow]note:[/] {what}", highlight=False, soft_wrap=True)
    _print_samples(answer.samples, console)


def _totals(answer: Answer) -> Table:
    table = Table("Verdicts", ("", "documents", "bytes", "tokens"), _NUMBERS)
    table.rows.append(("kept before", *_counts(answer.kept_before)))
    table.rows.append(("kept after", *_counts(answer.kept_after)))
    if answer.kept_least != answer.kept_most:
        table.rows.append(("  at least", *_counts(answer.kept_least)))
        table.rows.append(("  at most", *_counts(answer.kept_most)))
    come = [flow.counts for flow in answer.flows if flow.reason_after is None]
    gone = [flow.counts for flow in answer.flows if flow.reason_before is None]
    others = [flow.counts for flow in answer.flows if None not in (flow.reason_before, flow.reason_after)]
    for name, parts in (("newly kept", come), ("newly dropped", gone), ("dropped for another reason", others)):
        table.rows.append((name, *_counts(_sum(parts))))
    return table


def _flows(answer: Answer) -> Table:
    table = Table("From verdict to verdict", ("before", "after", "documents", "bytes"), frozenset({2, 3}))
    for flow in answer.flows[:_ROWS]:
        verdicts = (flow.reason_before or "kept", flow.reason_after or "kept")
        table.rows.append((*verdicts, f"{flow.counts.documents:,}", human_bytes(flow.counts.bytes)))
    _rest(table, len(answer.flows))
    return table


def _groups(answer: Answer) -> Table:
    columns = ("domain", "language", "newly kept", "bytes", "newly dropped", "bytes", "other reason")
    table = Table("By domain and language", columns, frozenset(range(2, 7)))
    for group in answer.groups[:_ROWS]:
        numbers = [
            text
            for counts in (group.newly_kept, group.newly_dropped)
            for text in (f"{counts.documents:,}", human_bytes(counts.bytes))
        ]
        table.rows.append((group.domain or "unknown", group.language or "unknown", *numbers, f"{group.other_reason:,}"))
    _rest(table, len(answer.groups))
    return table


def _stages(answer: Answer) -> Table:
    columns = ("stage", "came before", "came after", "dropped before", "dropped after", "known")
    table = Table("Stages from the edited one on", columns, frozenset(range(1, 5)))
    for stage in answer.stages:
        known = "exactly" if stage.exact else f"but for {stage.unsure:,}" if stage.unsure else "see the notes"
        table.rows.append((stage.name, *(f"{n:,}" for n in (*stage.entered, *stage.dropped)), known))
    return table


def _found(stage: str, name: str, rows: Sequence[Any]) -> Table:
    columns = list(rows[0])
    numbers = frozenset(place for place, column in enumerate(columns) if not isinstance(rows[0][column], str))
    table = Table(f"{stage}: {name}", columns, numbers)
    table.rows += [tuple(_value(row[column]) for column in columns) for row in rows[:_ROWS]]
    _rest(table, len(rows))
    return table


def _rest(table: Table, rows: int) -> None:
    if rows > _ROWS:
        table.rows.append((f"and {rows - _ROWS:,} more", *[""] * (len(table.columns) - 1)))


def _print_samples(samples: Sequence[Sample], console: "Console") -> None:
    for title, chosen in (
        ("Newly kept", [sample for sample in samples if sample.reason_after is None]),
        ("Newly dropped", [sample for sample in samples if sample.reason_after is not None]),
    ):
        if chosen:
            console.print(f"\n[bold]{title}, for example[/]")
        for sample in chosen:
            console.print()
            _say(console, " ".join(part for part in (sample.id, sample.url or "") if part))
            verdicts = f"{sample.reason_before or 'kept'} -> {sample.reason_after or 'kept'}"
            group = f"{sample.domain or 'unknown'}, {sample.language or 'unknown'}"
            _say(console, f"  {verdicts}{', perhaps' if sample.unsure else ''}  ({group})")
            for held in sample.held:
                _say(console, f"  {_held(held)}")
            console.print(_escaped(f"  {sample.text}"), style="dim", highlight=False)


def _held(held: Held) -> str:
    return f"{held.column} is {_value(held.value)}; {held.asks_before or 'no limit'} -> {held.asks_after or 'no limit'}"


def _counts(counts: Counts) -> tuple[str, str, str]:
    return f"{counts.documents:,}", human_bytes(counts.bytes), f"{counts.tokens:,}"


def _sum(parts: Sequence[Counts]) -> Counts:
    total = Counts()
    for part in parts:
        total = total.plus(part)
    return total


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    return human_number(value) if isinstance(value, float) else str(value)


def _say(console: "Console", line: str) -> None:
    console.print(_escaped(line), highlight=False, soft_wrap=True)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(visible_line(text))
